"""What django-q2 runs for codegen: a shell round the job."""

from codegen import job, services


def generate(repository_id: int) -> str:
    """Makes the repository whose turn it is; that need not be the one that rang."""
    claimed = services.repository_claim(seconds=job.LEASE_SECONDS)
    if claimed is None:
        return f"repository {repository_id}: nothing to do, or this machine has no free place"
    outcome = job.run(claimed)
    services.ring_for_next()
    return f"repository {claimed.repository_id}: {outcome}"

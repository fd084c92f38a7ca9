"""What django-q2 runs for codegen: a shell round the job."""

from codegen import job, services


def generate(repository_id: int) -> str:
    """Makes a repository, if nobody else does already."""
    claimed = services.repository_claim(repository_id=repository_id, seconds=job.LEASE_SECONDS)
    if claimed is None:
        return f"repository {repository_id}: nothing to do"
    return f"repository {repository_id}: {job.run(claimed)}"

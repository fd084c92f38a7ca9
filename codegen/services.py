"""What is done with repositories: ask for one, and the steps of the job that makes it."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from codegen.models import Repository, RepositoryQuerySet, RepositoryStatus
from nasportal.lib import file_storage

ATTEMPTS = 3
REASON_AT_MOST = 4_000  # characters
LOG_AT_MOST = 64_000


@dataclass(frozen=True)
class Job:
    """A claimed repository; `token` fences its writes."""

    repository_id: int
    token: int
    request: Mapping[str, Any]
    out: Path  # of this attempt alone: a late one writes elsewhere


@transaction.atomic
def repository_request(*, owner: AbstractBaseUser, name: str, request: Mapping[str, Any]) -> Repository:
    """Queues the generation of a repository. The same request is answered with the repository that is there already.

    Raises QueueFull where the owner has as many on their way as one user may have.
    """
    text = json.dumps(request, sort_keys=True, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    there = Repository.objects.filter(owner_id=owner.pk, request_sha256=digest).exclude(status=RepositoryStatus.FAILED)
    known = there.order_by("pk").first()
    if known is not None:
        return known
    Repository.objects.demand_room(owner.pk)
    repository = Repository(
        owner_id=owner.pk,
        name=name,
        fingerprint=request.get("provenance", {}).get("fingerprint", ""),
        request=json.loads(text),
        request_sha256=digest,
    )
    repository.full_clean(exclude=["fingerprint"])
    repository.save()
    ring(repository.pk)
    return repository


def ring(repository_id: int) -> None:
    """Tells the cluster, after the commit, that a repository waits. Called twice, the second finds it claimed."""
    transaction.on_commit(lambda: async_task("codegen.tasks.generate", repository_id, group="generate", save=False))


def ring_for_next() -> int:
    """Tells the cluster once for each repository that waits and finds a free place on this machine."""
    waiting = Repository.objects.waiting_for_free_places()
    for repository_id in waiting:
        ring(repository_id)
    return len(waiting)


def repository_claim(*, seconds: float, repository_id: int | None = None) -> Job | None:
    """Claims the repository, or the one whose turn it is; None when none waits or this machine has no free place."""
    those = Repository.objects.all() if repository_id is None else Repository.objects.filter(pk=repository_id)
    changes = {"status": RepositoryStatus.RUNNING, "started": timezone.now(), "progress": "starting"}
    repository = those.claim_in_turn(seconds=seconds, **changes)
    if repository is None:
        return None
    token = repository.lease_token
    return Job(repository.pk, token, repository.request, repository.folder / str(token))


def repository_heartbeat(*, job: Job, seconds: float, progress: str = "") -> bool:
    """Prolongs the job's lease and stores how far it is; False when it was lost or the repository is gone."""
    changes = {"progress": progress[:200]} if progress else {}
    return _mine(job).prolong(job.token, seconds=seconds, **changes)


def repository_finish(
    *, job: Job, archive: str, sha256: str, size_bytes: int, verdict: Mapping[str, Any], log: str = ""
) -> bool:
    """The archive stands on the disk under its last name before this row says so."""
    return _mine(job).release(
        job.token,
        status=RepositoryStatus.READY,
        finished=timezone.now(),
        progress="",
        reason="",
        archive=archive,
        sha256=sha256,
        size_bytes=size_bytes,
        verdict=dict(verdict),
        log=log[-LOG_AT_MOST:],
    )


def repository_fail(*, job: Job, reason: str, log: str = "", verdict: Mapping[str, Any] | None = None) -> bool:
    return _mine(job).release(
        job.token,
        status=RepositoryStatus.FAILED,
        finished=timezone.now(),
        progress="",
        reason=reason[:REASON_AT_MOST],
        verdict=dict(verdict) if verdict is not None else None,
        log=log[-LOG_AT_MOST:],
    )


@transaction.atomic
def repository_retry(*, job: Job, reason: str, log: str) -> bool:
    """The generator died under a live job. Three times, then it is recorded as failed."""
    held = _mine(job).held(job.token)
    held.update(attempt=F("attempt") + 1)
    if held.filter(attempt__gte=ATTEMPTS).exists():
        return repository_fail(job=job, reason=f"{reason} This was attempt {ATTEMPTS} of {ATTEMPTS}.", log=log)
    back = _mine(job).release(job.token, status=RepositoryStatus.QUEUED, progress="", log=log[-LOG_AT_MOST:])
    if back:
        ring(job.repository_id)
    return back


@transaction.atomic
def repository_delete(*, repository: Repository) -> None:
    """Row and files; a running job sees at its next heartbeat that the row is gone."""
    folder: Path = repository.folder
    transaction.on_commit(lambda: files_remove(folder))
    repository.delete()


def files_remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    file_storage.remove(folder)


def _mine(job: Job) -> RepositoryQuerySet:
    return Repository.objects.filter(pk=job.repository_id)

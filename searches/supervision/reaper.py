"""Finds runs and repositories that have work and no live lease, and rings for them; sweeps files without a row."""

import logging
import shutil
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django_q.brokers import get_broker

from codegen import services as codegen_services
from codegen.models import Repository
from nasportal.lib.leases import owner_name
from searches import services
from searches.models import Notice, Project, Replay, SearchRun, UploadedDataSet
from searches.models.status import Status
from searches.services import datasets as dataset_services
from searches.services import replays as replay_services
from searches.supervision import device_latency, disk, leases, retention

log = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(hours=1)


def reap() -> int:
    """One round; returns for how much was rung. Ringing twice does no harm, since only one wins the claim."""
    end_leases_of_the_dead()
    settle_abandoned()
    resume_paused_by_storage()
    device_latency.resume_returned()
    if get_broker().queue_size():
        return 0  # the cluster has messages that it has not taken: they will find the work
    return ring_for_next() + ring_for_repositories() + ring_for_replays() + ring_for_datasets()


def end_leases_of_the_dead() -> int:
    """Work whose process on this machine was killed waits for no lease to end; returns how much there was."""
    ended = sum(model.objects.end_dead() for model in (SearchRun, Replay, Repository, UploadedDataSet, Notice))
    if ended:
        log.info("ended %s leases of processes that are gone", ended)
    return ended


def settle_abandoned() -> None:
    """A pause or a cancellation whose supervisor died needs no engine, so it waits for no free place."""
    for run in SearchRun.objects.claimable().filter(status__in=(Status.PAUSING, Status.CANCELLING)):
        claim = leases.run_claim(seconds=settings.LEASE_SECONDS, runs_at_once=2**31, run_id=run.pk)
        if claim:
            leases.run_settle(claim=claim)


def resume_paused_by_storage() -> int:
    """Runs that a full disk paused go on once there is room; a user's own pause has no such reason."""
    waiting = SearchRun.objects.filter(status=Status.PAUSED, reason__startswith=disk.STORAGE_FULL)
    if not waiting.exists() or not disk.has_room_again():
        return 0
    moved = [services.run_move(run=run, sources=[Status.PAUSED], target=Status.QUEUED) for run in waiting]
    return sum(moved)


def ring_for_next() -> int:
    """Rings once for each run that waits and finds a free place on this machine."""
    machine = owner_name().partition("/")[0]
    free = settings.RUNS_AT_ONCE - SearchRun.objects.leased_on(machine).count()
    waiting = list(SearchRun.objects.claimable().values_list("pk", flat=True)[: max(free, 0)])
    for run_id in waiting:
        services.ring(run_id)
    return len(waiting)


def ring_for_repositories() -> int:
    return codegen_services.ring_for_next()


def ring_for_replays() -> int:
    return replay_services.ring_for_next()


def ring_for_datasets() -> int:
    return dataset_services.ring_for_next()


def sweep() -> int:
    """Cuts what is over the quota, and files that no row names and that are an hour old; returns how many of these."""
    data = Path(settings.DATA_DIR)
    cut = retention.retain()
    if any(cut.values()):
        log.info("cut what is over the quota: %s", ", ".join(f"{count} {what}" for what, count in cut.items()))
    stale_paths = [
        *strays(data / "runs", set(SearchRun.objects.values_list("pk", flat=True))),
        *strays(data / "cache", set(Project.objects.values_list("pk", flat=True))),
        *strays(data / "replays", set(Replay.objects.values_list("pk", flat=True))),
        *strays(data / "repositories", set(Repository.objects.values_list("pk", flat=True))),
        *unnamed_weights(data / "runs"),
        *unnamed_uploads(data / "datasets"),
    ]
    for path in stale_paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(stale_paths)


def strays(folder: Path, known: set[int]) -> list[Path]:
    """Folders named after a row that is gone."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.name.isdecimal() and int(path.name) not in known and is_old(path)]


def unnamed_uploads(folder: Path) -> list[Path]:
    """Files of datasets whose upload broke off, or that were deleted while they were read."""
    known = set(UploadedDataSet.objects.values_list("key", flat=True))
    return [
        path
        for place in ("uploads", "incoming")
        for path in (folder / place).glob("*")
        if path.stem.split(".")[0] not in known and is_old(path)
    ]


def unnamed_weights(folder: Path) -> list[Path]:
    """Weights of evaluations that were never accepted; those of a live engine, which may yet name them, stay."""
    found: list[Path] = []
    for run in SearchRun.objects.exclude(status__in=(Status.RUNNING, Status.PAUSING, Status.CANCELLING)):
        there = [path for path in (folder / str(run.pk) / "weights").glob("*") if path.is_file() and is_old(path)]
        if there:
            named = {
                each["path"] for files in run.evaluations.values_list("files", flat=True) for each in files.values()
            }
            found += [path for path in there if f"weights/{path.name}" not in named]
    return found


def is_old(path: Path) -> bool:
    return timezone.now().timestamp() - path.stat().st_mtime > ORPHAN_AGE.total_seconds()

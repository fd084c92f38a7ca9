"""What users do with projects and runs. Each verb is one transaction, and a lost race is said in a sentence."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone

from architectures.documents import SpecErrors
from nasportal.lib import rows
from searches.models import Project, SearchRun
from searches.models.run_events import StatusChanged
from searches.models.status import DELETABLE, WISHES, WITH_WORK, Status
from searches.selectors.repository_request import NothingToDeliver
from searches.services.activity import activity_add
from searches.services.datasets import dataset_faults
from searches.services.devices import device_faults
from searches.services.projects import one_line
from searches.services.transitions import events_append, removal, ring, run_move
from searches.spec import SearchSpec

__all__ = ["NothingToDeliver", "RunRefuses"]
DONE = {"pause": "paused", "resume": "resumed", "cancel": "cancelled", "delete": "deleted"}
WAY_OUT = {
    "pause": "only a queued or running run can be paused",
    "resume": "only a paused or failed run can be resumed; clone it to search again",
    "cancel": "only a run that is not over can be cancelled",
    "delete": "cancel it first",
}


class RunRefuses(ValueError):
    """A request that the state of the run does not allow."""

    def __init__(self, run: SearchRun, wish: str) -> None:
        super().__init__(f"The run is {run.status} and cannot be {DONE[wish]}: {WAY_OUT[wish]}.")
        self.wish = wish
        self.status = run.status


# Projects


# Runs


def run_check(*, project: Project, spec: SearchSpec, by: AbstractBaseUser | AnonymousUser) -> None:
    """Refuses what the project or the user may not use; SpecErrors at the fields of the spec."""
    problems = *dataset_faults(project=project, dataset=spec.dataset), *device_faults(target=spec.target, by=by)
    if problems:
        raise SpecErrors(problems)


@transaction.atomic
def run_create(
    *, project: Project, spec: SearchSpec, name: str, by: AbstractBaseUser, is_bounded: bool = True
) -> SearchRun:
    """Queues a search; a supervisor is rung for once the row is committed.

    Raises QueueFull where the user has as many as one user may have, unless the portal itself asks.
    """
    rows.locked(project)
    run_check(project=project, spec=spec, by=by)
    if is_bounded:
        SearchRun.objects.demand_room(by.pk)
    run = SearchRun(
        project=project,
        name=one_line(name),
        created_by_id=by.pk,
        spec=spec.to_document(),
        evaluations_total=spec.evaluations,
        queued=timezone.now(),
    )
    run.full_clean()
    run.save()
    events_append(run=run, events=[StatusChanged(Status.QUEUED, by.get_username())])
    activity_add(project=project, by=by, run=run, what=f"started the run {run.name}")
    ring(run.pk)
    return run


@transaction.atomic
def run_rename(*, run: SearchRun, name: str, by: AbstractBaseUser) -> SearchRun:
    rows.locked(run)
    before, run.name = run.name, one_line(name)
    run.full_clean(exclude=["spec", "header", "selection"])
    run.save(update_fields=["name"])
    activity_add(project=run.project, by=by, run=run, what=f"renamed the run {before} to {run.name}")
    return run


def run_clone(*, run: SearchRun, by: AbstractBaseUser, project: Project | None = None, name: str = "") -> SearchRun:
    """The same spec once more, from the start; with the same seed it finds the same history."""
    spec = SearchSpec.from_document(run.spec)
    name = name or f"{run.name.removesuffix(' (copy)')[:190]} (copy)"
    return run_create(project=project or run.project, spec=spec, name=name, by=by)


def run_pause(*, run: SearchRun, by: AbstractBaseUser) -> SearchRun:
    return _wish(run, "pause", by)


def run_resume(*, run: SearchRun, by: AbstractBaseUser) -> SearchRun:
    return _wish(run, "resume", by)


def run_cancel(*, run: SearchRun, by: AbstractBaseUser) -> SearchRun:
    return _wish(run, "cancel", by)


@transaction.atomic
def run_delete(*, run: SearchRun, by: AbstractBaseUser) -> None:
    """Deletes rows and files. Raises RunRefuses for a live run, since its engine is still writing."""
    locked = rows.locked(run)
    if locked.status not in DELETABLE:
        raise RunRefuses(locked, "delete")
    transaction.on_commit(removal(locked.folder))
    activity_add(project=locked.project, by=by, what=f"deleted the run {locked.name}")
    locked.delete()


@transaction.atomic
def _wish(run: SearchRun, wish: str, by: AbstractBaseUser) -> SearchRun:
    now = timezone.now()
    locked = rows.locked(run)
    target = WISHES[wish].get(Status(locked.status))
    if target is None or not run_move(
        run=locked, sources=[Status(locked.status)], target=target, by=by.get_username(), now=now
    ):
        raise RunRefuses(locked, wish)
    activity_add(project=locked.project, by=by, run=locked, what=f"{DONE[wish]} the run {locked.name}")
    if target in WITH_WORK:
        ring(run.pk)
    run.refresh_from_db()
    return run


# Repositories


# What verbs share

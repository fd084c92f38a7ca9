"""What users do with projects and runs. Each verb is one transaction, and a lost race is said in a sentence."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify
from django_q.tasks import async_task

from codegen import services as repository_services
from codegen.models import Repository, RepositoryStatus
from codegen.repository_request import RepositoryRequest
from codegen.sources import licences
from codegen.sources.bundle import BundleRequest
from nasportal.lib.crash_points import crash_point
from searches.models import Candidate, CandidateRepository, Event, Membership, Project, SearchRun
from searches.models.people import SpecTemplate
from searches.models.status import DELETABLE, OVER, WISHES, WITH_WORK, Role, Status
from searches.selectors.repository_request import NothingToDeliver, request_of
from searches.services.activity import activity_add
from searches.services.datasets import dataset_check, dataset_delete
from searches.services.devices import device_check
from searches.services.notifications import run_ended
from searches.services.run_events import RepositoryRequested, StatusChanged
from searches.services.wakeups import nudge
from searches.spec import SearchSpec

__all__ = ["NothingToDeliver", "RunRefuses"]
RunEvent = StatusChanged | RepositoryRequested
DONE = {"pause": "paused", "resume": "resumed", "cancel": "cancelled", "delete": "deleted"}
WAY_OUT = {
    "pause": "only a queued or running run can be paused",
    "resume": "only a paused or failed run can be resumed; clone it to search again",
    "cancel": "only a run that is not over can be cancelled",
    "delete": "cancel it first",
}


class RunRefuses(ValueError):
    """A wish that the state of the run does not allow."""

    def __init__(self, run: SearchRun, wish: str) -> None:
        super().__init__(f"The run is {run.status} and cannot be {DONE[wish]}: {WAY_OUT[wish]}.")
        self.wish = wish
        self.status = run.status


def one_line(name: str) -> str:
    """A name as it is kept: one line of printable characters, which cannot hide or turn what stands beside it."""
    name = " ".join(name.split())
    if not name.isprintable():
        raise ValidationError({"name": ["A name must be one line of printable characters."]})
    return name


# Projects


@transaction.atomic
def project_create(*, owner: AbstractBaseUser, name: str) -> Project:
    name = one_line(name)
    project = Project(owner_id=owner.pk, name=name, slug=_free_slug(name))
    project.full_clean()
    project.save()
    activity_add(project=project, by=owner, what="created the project")
    return project


def _free_slug(name: str) -> str:
    stem = slugify(name)[:60].strip("-") or "project"
    taken = set(Project.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in _numbered(stem, len(taken) + 2) if slug not in taken)


def _numbered(stem: str, count: int) -> list[str]:
    return [stem, *(f"{stem}-{number}" for number in range(2, count + 1))]


@transaction.atomic
def project_rename(*, project: Project, name: str, by: AbstractBaseUser) -> Project:
    """The slug stays: links to the project go on working."""
    project.name = one_line(name)
    project.full_clean()
    project.save(update_fields=["name"])
    activity_add(project=project, by=by, what=f"renamed the project to {project.name}")
    return project


@transaction.atomic
def project_delete(*, project: Project) -> None:
    """Refused while a run in it is live: its files would be pulled from under an engine."""
    live = SearchRun.objects.select_for_update().filter(project=project, status__in=WITH_WORK).count()
    if live:
        raise ValidationError(f"{live} of the project's runs are not over: cancel or pause them first.")
    for upload in project.datasets.all():
        dataset_delete(upload=upload)
    for folder in [project.cache, *(run.folder for run in project.runs.all())]:
        transaction.on_commit(_removal(folder))
    project.delete()


@transaction.atomic
def project_transfer(*, project: Project, to: AbstractBaseUser, by: AbstractBaseUser) -> Project:
    """Hands a project to one of its members; who had it stays as an editor."""
    membership = Membership.objects.filter(project=project, user_id=to.pk).first()
    if membership is None:
        raise ValidationError(f"{to.get_username()} is no member of this project: add them first.")
    membership.delete()
    Membership.objects.create(project=project, user_id=project.owner_id, role=Role.EDITOR)
    project.owner_id = to.pk
    project.save(update_fields=["owner"])
    activity_add(project=project, by=by, what=f"handed the project over to {to.get_username()}")
    return project


@transaction.atomic
def member_add(
    *, project: Project, user: AbstractBaseUser, role: str, by: AbstractBaseUser | None = None
) -> Membership:
    """Adds somebody to a project, or changes their role."""
    if user.pk == project.owner_id:
        raise ValidationError("The owner of a project needs no further role in it.")
    membership = Membership.objects.filter(project=project, user_id=user.pk).first()
    if membership and membership.role == role:
        return membership
    what = "made {} {}" if membership else "added {} as {}"
    membership = membership or Membership(project=project, user_id=user.pk)
    membership.role = Role(role)
    membership.full_clean()
    membership.save()
    activity_add(project=project, by=by, what=what.format(user.get_username(), Role(role).value))
    return membership


@transaction.atomic
def member_remove(*, project: Project, user: AbstractBaseUser, by: AbstractBaseUser | None = None) -> None:
    gone, _ = Membership.objects.filter(project=project, user_id=user.pk).delete()
    if gone:
        left = by is not None and by.pk == user.pk
        activity_add(project=project, by=by, what="left the project" if left else f"removed {user.get_username()}")


@transaction.atomic
def template_save(*, project: Project, name: str, spec: SearchSpec, by: AbstractBaseUser) -> SpecTemplate:
    """Keeps a spec under a name; the same name again replaces it."""
    name = one_line(name)
    template = SpecTemplate.objects.filter(project=project, name=name).first() or SpecTemplate(
        project=project, name=name
    )
    template.spec, template.created_by_id = spec.to_document(), by.pk
    template.full_clean()
    template.save()
    activity_add(project=project, by=by, what=f"saved the template {name}")
    return template


@transaction.atomic
def template_delete(*, template: SpecTemplate, by: AbstractBaseUser) -> None:
    activity_add(project=template.project, by=by, what=f"deleted the template {template.name}")
    template.delete()


# Runs


@transaction.atomic
def run_create(*, project: Project, spec: SearchSpec, name: str, by: AbstractBaseUser) -> SearchRun:
    """Queues a search; a supervisor is rung for once the row is committed."""
    dataset_check(project=project, dataset=spec.dataset)
    device_check(target=spec.target, by=by)
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
    """Deletes rows and files. A live run is refused, since its engine is still writing."""
    locked = SearchRun.objects.select_for_update().get(pk=run.pk)
    if locked.status not in DELETABLE:
        raise RunRefuses(locked, "delete")
    transaction.on_commit(_removal(locked.folder))
    activity_add(project=locked.project, by=by, what=f"deleted the run {locked.name}")
    locked.delete()


@transaction.atomic
def _wish(run: SearchRun, wish: str, by: AbstractBaseUser) -> SearchRun:
    now = timezone.now()
    locked = SearchRun.objects.select_for_update().get(pk=run.pk)
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


def repository_request(*, candidate: Candidate, by: AbstractBaseUser, licence: str = licences.DEFAULT) -> Repository:
    """The team shares a candidate's repository: one that is there, or on its way, is not made twice."""
    there = CandidateRepository.objects.filter(candidate=candidate, repository__request__licence=licence)
    link = there.exclude(repository__status=RepositoryStatus.FAILED).select_related("repository").first()
    if link:
        return link.repository
    request = request_of(candidate, by.get_username(), licence)
    return _repository_link(candidate, request, by)


def bundle_request(
    *, run: SearchRun, candidates: Sequence[Candidate], by: AbstractBaseUser, licence: str = licences.DEFAULT
) -> Repository:
    """One archive with several candidates as variants; the smallest network's link shares it with the team."""
    requests = [request_of(candidate, by.get_username(), licence) for candidate in candidates]
    numbers = ", ".join(f"#{candidate.number}" for candidate in candidates)
    asked = BundleRequest.of(f"{run.name} {numbers}"[:200], requests)
    return _bundle_link(candidates[0], asked, by)


@transaction.atomic
def _bundle_link(candidate: Candidate, asked: BundleRequest, by: AbstractBaseUser) -> Repository:
    repository = repository_services.repository_request(owner=by, name=asked.name, request=asked.to_document())
    CandidateRepository.objects.get_or_create(candidate=candidate, repository=repository)
    return repository


@transaction.atomic
def _repository_link(candidate: Candidate, request: RepositoryRequest, by: AbstractBaseUser) -> Repository:
    repository = repository_services.repository_request(owner=by, name=request.name, request=request.to_document())
    _, is_new = CandidateRepository.objects.get_or_create(candidate=candidate, repository=repository)
    if is_new:
        told = RepositoryRequested(candidate.number, repository.pk, by.get_username())
        events_append(run=candidate.run, events=[told])
        what = f"asked for the repository of #{candidate.number} of {candidate.run.name}"
        activity_add(project=candidate.run.project, by=by, run=candidate.run, what=what)
    return repository


# What verbs share


def run_move(
    *,
    run: SearchRun,
    sources: Sequence[Status],
    target: Status,
    by: str = "",
    reason: str = "",
    now: datetime | None = None,
    **fields: Any,
) -> bool:
    """Moves a run by a conditional update and tells it as an event; False if another was quicker."""
    now = now or timezone.now()
    if target == Status.QUEUED:
        fields |= {"queued": now, "finished": None, "reason": ""}
    if target in OVER:
        fields |= {"finished": now, "reason": reason}
    moved = SearchRun.objects.filter(pk=run.pk, status__in=sources).update(status=target, **fields)
    if moved:
        events_append(run=run, events=[StatusChanged(target, by, reason)], at=now)
        if target in OVER:
            run_ended(run=run, status=target, reason=reason)
    return bool(moved)


def events_append(*, run: SearchRun, events: Sequence[RunEvent], at: datetime | None = None) -> None:
    """Takes the next `seq` numbers in the transaction that reports the facts."""
    at = at or timezone.now()
    SearchRun.objects.filter(pk=run.pk).update(seq=F("seq") + len(events))
    newest = SearchRun.objects.values_list("seq", flat=True).get(pk=run.pk)
    first = newest - len(events) + 1
    Event.objects.bulk_create(
        Event(run_id=run.pk, seq=first + place, kind=type(event).__name__, payload=event.to_document(), at=at)
        for place, event in enumerate(events)
    )
    nudge(run.pk)


def ring(run_id: int) -> None:
    """Tells the cluster, after the commit, that there may be work. The message is a hint: the rows are the truth."""

    def enqueue() -> None:
        crash_point("enqueue")
        async_task("searches.tasks.supervise", run_id, group="supervise", save=False)

    transaction.on_commit(enqueue)


def _removal(folder: Any) -> Callable[[], None]:
    return lambda: repository_services.files_remove(folder)

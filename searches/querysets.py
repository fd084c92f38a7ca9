"""Reads: who may see what, which runs have work, what a page or an engine needs of the rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Count, Q
from django.utils import timezone

from searches.status import UNDER_LEASE, WITH_WORK, Role, Status

if TYPE_CHECKING:
    from searches.models import Candidate, Evaluation, Event, Project, SearchRun  # noqa: F401  (in the bases below)

User = AbstractBaseUser | AnonymousUser


def shared_with(user: User, prefix: str, roles: tuple[str, ...]) -> Q:
    """The rows whose project, reached by `prefix`, the user owns or is a member of in one of the roles."""
    if not user.is_authenticated or user.pk is None:
        return Q(pk__in=[])
    memberships = apps.get_model("searches", "Membership")._default_manager
    member_of = memberships.filter(user_id=user.pk, role__in=roles).values("project_id")
    return Q(**{f"{prefix}owner_id": user.pk}) | Q(**{f"{prefix}pk__in": member_of})


VIEW = (Role.EDITOR, Role.VIEWER)
EDIT = (Role.EDITOR,)


class ProjectQuerySet(models.QuerySet["Project"]):
    """Projects by what somebody may do in them."""

    def visible_to(self, user: User) -> ProjectQuerySet:
        return self.filter(shared_with(user, "", VIEW))

    def editable_by(self, user: User) -> ProjectQuerySet:
        return self.filter(shared_with(user, "", EDIT))

    def owned_by(self, user: User) -> ProjectQuerySet:
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def with_counts(self) -> ProjectQuerySet:
        """Adds `runs_count` and `live_count` for a list of projects."""
        return self.annotate(
            runs_count=Count("runs", distinct=True),
            live_count=Count("runs", filter=Q(runs__status__in=WITH_WORK), distinct=True),
        )


class SearchRunQuerySet(models.QuerySet["SearchRun"]):
    """Runs by what somebody may do with them, and by the work that they have."""

    def visible_to(self, user: User) -> SearchRunQuerySet:
        return self.filter(shared_with(user, "project__", VIEW))

    def editable_by(self, user: User) -> SearchRunQuerySet:
        return self.filter(shared_with(user, "project__", EDIT))

    def counted(self) -> list[tuple[str, int]]:
        """How many there are of each status that there is, in the order of a run's life."""
        found = dict(self.order_by().values_list("status").annotate(Count("pk")))
        return [(status.value, found[status]) for status in Status if found.get(status)]

    def with_work(self) -> SearchRunQuerySet:
        return self.filter(status__in=WITH_WORK)

    def leased(self, now: datetime | None = None) -> SearchRunQuerySet:
        """Runs on which a supervisor holds a live lease."""
        return self.filter(lease_until__gt=now or timezone.now(), status__in=UNDER_LEASE)

    def leased_on(self, machine: str, now: datetime | None = None) -> SearchRunQuerySet:
        return self.leased(now).filter(lease_owner__startswith=f"{machine}/")

    def claimable(self, now: datetime | None = None) -> SearchRunQuerySet:
        """Runs that have work and no live lease."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now or timezone.now())
        return self.with_work().filter(free)

    def fairly_ordered(self, now: datetime | None = None) -> SearchRunQuerySet:
        """Owners with the fewest live runs first, then who has waited longest: fifty users get equal shares."""
        now = now or timezone.now()
        live = Q(
            project__owner__projects__runs__lease_until__gt=now,
            project__owner__projects__runs__status__in=UNDER_LEASE,
        )
        return self.annotate(
            live_of_owner=Count("project__owner__projects__runs", filter=live, distinct=True)
        ).order_by("live_of_owner", "queued", "pk")

    def held(self, token: int) -> SearchRunQuerySet:
        """The run while this token is the newest one: the fence in front of each write of a supervisor."""
        return self.filter(lease_token=token, status__in=UNDER_LEASE)

    def live(self) -> SearchRunQuerySet:
        return self.filter(status__in=(Status.QUEUED, *UNDER_LEASE))


class CandidateQuerySet(models.QuerySet["Candidate"]):
    """Candidates as pages and tables want them."""

    def visible_to(self, user: User) -> CandidateQuerySet:
        return self.filter(shared_with(user, "run__project__", VIEW))

    def with_evaluations(self) -> CandidateQuerySet:
        return self.prefetch_related("evaluations", "tags", "stars")

    def on_front(self) -> CandidateQuerySet:
        return self.filter(evaluations__is_on_front=True).distinct()


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    """Evaluations in the order of the history."""

    def in_order(self) -> EvaluationQuerySet:
        """Ordered by number, not by id: a retried candidate keeps its place in the history."""
        return self.order_by("number", "fidelity")

    def lines(self) -> list[str]:
        """The accepted lines of history.jsonl, without their timing."""
        return list(self.in_order().values_list("line", flat=True))


class EventQuerySet(models.QuerySet["Event"]):
    """Events by `seq`."""

    def after(self, seq: int) -> EventQuerySet:
        return self.filter(seq__gt=seq).order_by("seq")

    def frames(self) -> list[dict[str, Any]]:
        """Events as a browser gets them, over the socket and over the API alike."""
        rows = self.values_list("seq", "kind", "payload", "at")
        return [
            {"type": "event", "seq": seq, "kind": kind, "payload": payload, "at": at.isoformat()}
            for seq, kind, payload, at in rows
        ]


def shared_repositories(user: User) -> Q:
    """The repositories of candidates in runs that one may see."""
    links = apps.get_model("searches", "CandidateRepository")._default_manager
    return Q(pk__in=links.filter(shared_with(user, "candidate__run__project__", VIEW)).values("repository_id"))

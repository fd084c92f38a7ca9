"""Reads: who may see what, which runs have work, what a page or an engine needs of the rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Case, Count, F, Max, Min, Q, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from nasportal.lib.work_queue import QueuedQuerySet
from searches.models.run_events import KEPT, in_words
from searches.models.status import UNDER_LEASE, WITH_WORK, Role, Status

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
WEIGHTS = "weights"  # among the files of an evaluation
OWNERS_IN_TURN = 5  # more are not looked at for one place: who loses a race five times is rung again


class ProjectQuerySet(models.QuerySet["Project"]):
    """Projects by what somebody may do in them."""

    def visible_to(self, user: User) -> ProjectQuerySet:
        return self.filter(shared_with(user, "", VIEW))

    def editable_by(self, user: User) -> ProjectQuerySet:
        return self.filter(shared_with(user, "", EDIT))

    def owned_by(self, user: User) -> ProjectQuerySet:
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def with_counts(self) -> ProjectQuerySet:
        """Adds `runs_count`, `live_count`, `running_count` and `queued_count` for a list of projects."""
        return self.annotate(
            runs_count=Count("runs", distinct=True),
            live_count=Count("runs", filter=Q(runs__status__in=WITH_WORK), distinct=True),
            running_count=Count("runs", filter=Q(runs__status__in=UNDER_LEASE), distinct=True),
            queued_count=Count("runs", filter=Q(runs__status=Status.QUEUED), distinct=True),
        )


class SearchRunQuerySet(QueuedQuerySet["SearchRun"]):
    """Runs by what somebody may do with them, and by the work that they have."""

    def visible_to(self, user: User) -> SearchRunQuerySet:
        return self.filter(shared_with(user, "project__", VIEW))

    def editable_by(self, user: User) -> SearchRunQuerySet:
        return self.filter(shared_with(user, "project__", EDIT))

    def counted(self) -> list[tuple[str, int]]:
        """Counts runs of each status that there is, in the order of a run's life."""
        found = dict(self.order_by().values_list("status").annotate(Count("pk")))
        return [(status.value, found[status]) for status in Status if found.get(status)]

    def with_work(self) -> SearchRunQuerySet:
        return self.filter(status__in=WITH_WORK)

    def fairly_ordered(self, now: datetime | None = None) -> SearchRunQuerySet:
        """The runs of the owners whose turn it is, in their order; of an owner's runs who has waited longest."""
        places = {owner: place for place, owner in enumerate(self.owners_in_turn(now)[:OWNERS_IN_TURN])}
        whose = [When(project__owner=owner, then=Value(place)) for owner, place in places.items()]
        found = self.filter(project__owner__in=list(places))
        return found.annotate(turn=Case(*whose, default=Value(len(places)))).order_by("turn", "queued", "pk")

    def owners_in_turn(self, now: datetime | None = None) -> list[int]:
        """Owners with the fewest live runs first, then whose last turn ended the longest ago: also where a portal has
        one place for all, fifty users get equal shares, however many runs each of them has queued."""
        live = Q(lease_until__gt=now or timezone.now(), status__in=UNDER_LEASE)
        rows = self.model._default_manager.filter(project__owner__in=self.order_by().values("project__owner"))
        ended = Max(Coalesce("finished", "queued"), filter=Q(started__isnull=False))  # a slice ends in the queue
        owners = rows.order_by().values("project__owner").annotate(
            live=Count("pk", filter=live), ended=ended, waits=Min("queued", filter=Q(status__in=WITH_WORK))
        )  # fmt: skip
        long_ago = datetime.min.replace(tzinfo=UTC)
        ordered = sorted(
            owners, key=lambda row: (row["live"], row["ended"] or long_ago, row["waits"], row["project__owner"])
        )
        return [row["project__owner"] for row in ordered]

    def shares(self, now: datetime | None = None) -> list[dict[str, Any]]:
        """Returns each owner's live runs: queued, running, the share of all that run, and of all time worked."""
        live = Q(lease_until__gt=now or timezone.now(), status__in=UNDER_LEASE)
        rows = self.order_by().values("project__owner", user=F("project__owner__username"))
        found = list(
            rows.annotate(
                queued_runs=Count("pk", filter=self.claimable_now(now)),
                running=Count("pk", filter=live),
                seconds=Sum("worked_seconds", default=0.0),
            ).order_by("-running", "-queued_runs", "user")
        )
        running, seconds = sum(row["running"] for row in found), sum(row["seconds"] for row in found)
        return [
            row
            | {
                "share": row["running"] / running if running else 0.0,
                "share_of_time": row["seconds"] / seconds if seconds else 0.0,
            }
            for row in found
            if row["running"] or row["queued_runs"]
        ]

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

    def with_weights(self) -> EvaluationQuerySet:
        """Those whose trained weights are kept."""
        return self.filter(files__has_key=WEIGHTS)

    def lines(self) -> list[str]:
        """The accepted lines of history.jsonl, without their timing."""
        return list(self.in_order().values_list("line", flat=True))


class EventQuerySet(models.QuerySet["Event"]):
    """Events by `seq`."""

    def after(self, seq: int) -> EventQuerySet:
        return self.filter(seq__gt=seq).order_by("seq")

    def frames(self) -> list[dict[str, Any]]:
        """Events as a browser gets them, over the socket and over the API alike: with a sentence that is not stored."""
        rows = self.values_list("seq", "kind", "payload", "at")
        return [
            {"type": "event", "seq": seq, "kind": kind, "payload": payload, "at": at.isoformat()}
            | {"text": in_words(kind, payload)}
            | ({"kept_as": KEPT[kind]} if kind in KEPT else {})
            for seq, kind, payload, at in rows
        ]


def shared_repositories(user: User) -> Q:
    """The repositories of candidates in runs that one may see."""
    links = apps.get_model("searches", "CandidateRepository")._default_manager
    return Q(pk__in=links.filter(shared_with(user, "candidate__run__project__", VIEW)).values("repository_id"))

"""Rows that wait for a place of their kind of work (`nasportal/lib/work_kinds.py`): whose turn it is, and how many.

    replay = Replay.objects.claim_in_turn(seconds=10, status=ReplayStatus.RUNNING)   # None: no work, or no free place

The next place goes to the user with the least at work, then to the one whose last turn was the longest ago.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar, cast

from django.conf import settings
from django.core.exceptions import BadRequest
from django.db import connection, models, transaction
from django.db.models import Case, Count, Max, Min, Q, Value, When
from django.utils import timezone

from nasportal.lib import machine
from nasportal.lib.leases import Leased, LeasedQuerySet

Row = TypeVar("Row", bound="Queued")
USERS_IN_TURN = 5  # more are not looked at for one place: who loses a race five times is rung again


class QueueFull(BadRequest):
    """A user has as much work in a queue as one user may have."""

    def __init__(self, kind: str, count: int) -> None:
        super().__init__(
            f"You have {count} {kind} that are queued or running, and may have at most {settings.QUEUED_PER_USER}: "
            "wait for one to end, or delete one."
        )


class QueuedQuerySet(LeasedQuerySet[Row]):
    """Rows by the places that they take, and by whose turn it is."""

    def leased_on(self, host: str, now: datetime | None = None) -> Self:
        """Rows that a machine works on."""
        return self.leased(now).filter(lease_owner__startswith=f"{host}/")

    def free_places(self) -> int:
        """Count the places of this kind of work that are free on this machine."""
        places: int = settings.WORK_PLACES[self.model.WORK]
        everything = cast(Self, self.model._default_manager.all())  # a place is taken whatever is looked for here
        return max(0, places - everything.leased_on(machine.this_process().host).count())

    def waiting_for_free_places(self) -> list[int]:
        """List the ids of as many waiting rows as this machine has free places."""
        free = self.free_places()
        return list(self.claimable().values_list("pk", flat=True).order_by("pk")[:free]) if free else []

    def lock_queue(self) -> None:
        """Let nobody else claim from this queue or add to it until the transaction ends."""
        # A transaction of SQLite is alone from its start (IMMEDIATE).
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"work:{self.model.WORK}"])

    def demand_room(self, user_id: int) -> None:
        """Raise QueueFull where a user has as much in this queue as one user may have; call it in a transaction."""
        self.lock_queue()
        mine = {f"{self.model.QUEUED_BY}_id": user_id, "status__in": self.model.WITH_WORK}
        count = self.model._default_manager.filter(**mine).count()
        if count >= settings.QUEUED_PER_USER:
            raise QueueFull(self.model.WORK, count)

    def claim(
        self, row: Row, *, seconds: float, owner: str = "", from_live: bool = False, **changes: Any
    ) -> int | None:
        """Take the lease on a row, as `Leased` does, and note when."""
        changes |= {"lease_taken": timezone.now()}
        return super().claim(row, seconds=seconds, owner=owner, from_live=from_live, **changes)

    @transaction.atomic
    def claim_in_turn(self, *, seconds: float, **changes: Any) -> Row | None:
        """Claim the row whose turn it is; None where nothing waits, or this machine has no free place."""
        self.lock_queue()
        if not self.free_places():
            return None
        for row in self.claimable().fairly_ordered()[:USERS_IN_TURN]:
            token = self.claim(row, seconds=seconds, **changes)
            if token is not None:
                row.lease_token = token
                return row
        return None

    def fairly_ordered(self, now: datetime | None = None) -> Self:
        """Order rows by whose turn it is, and those of one user by which has waited longest."""
        user = f"{self.model.QUEUED_BY}_id"
        turns = {each: turn for turn, each in enumerate(self._users_in_turn(user, now))}
        cases = [When(**{user: each}, then=Value(turn)) for each, turn in turns.items()]
        turn = Case(*cases, default=Value(len(turns)), output_field=models.IntegerField())
        return self.annotate(turn=turn).order_by("turn", "pk")

    def _users_in_turn(self, user: str, now: datetime | None) -> list[int]:
        """List users by how much of theirs is at work, then by how long ago they last got a place."""
        live = Q(lease_until__gt=now or timezone.now(), status__in=self.model.UNDER_LEASE)
        rows = self.model._default_manager.filter(**{f"{user}__in": self.order_by().values(user)})
        users = rows.order_by().values(user).annotate(
            live=Count("pk", filter=live), taken=Max("lease_taken"), waits=Min("pk", filter=self.claimable_now(now))
        )  # fmt: skip
        long_ago = datetime.min.replace(tzinfo=UTC)
        ordered = sorted(users, key=lambda row: (row["live"], row["taken"] or long_ago, row["waits"] or 0))
        return [row[user] for row in ordered]

    def oldest_wait(self) -> timedelta:
        """Measure how long the row that waits longest has waited; zero where none does."""
        now = timezone.now()
        since = self.claimable(now).aggregate(since=Min(self.model.QUEUED_AT))["since"]
        return now - since if since else timedelta()


class Queued(Leased):
    """A leased row that waits for a place of its kind of work."""

    WORK: ClassVar[str]  # a name of nasportal.lib.work_kinds
    QUEUED_BY: ClassVar[str] = "owner"  # the field of the user who asked
    QUEUED_AT: ClassVar[str] = "created"  # the field of the moment since which the row waits

    lease_taken = models.DateTimeField(null=True, blank=True)  # by the last claim

    class Meta:
        abstract = True

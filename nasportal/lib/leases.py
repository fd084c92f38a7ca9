"""Rows that one process at a time works on: a lease that ends by itself, fenced by a token that rises with each claim.

    token = Replay.objects.claim(replay, seconds=10)          # None: another one was quicker
    mine = Replay.objects.filter(pk=replay.pk)
    mine.prolong(token, seconds=10, done=3)                   # False: the lease was lost, stop working
    mine.release(token, status=ReplayStatus.FINISHED)         # False: what was made under it is not wanted any more

Every write of an owner goes through `held(token)`, `prolong` or `release`, so that a late one changes nothing. A model
says in `WITH_WORK` in which statuses there is work, and in `UNDER_LEASE` in which somebody may be at it.
"""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from nasportal.lib import machine
from nasportal.lib.machine import ProcessIdentity

Row = TypeVar("Row", bound="Leased")


class LeasedQuerySet(models.QuerySet[Row]):
    """Rows by their leases, and the conditional updates by which these change hands."""

    def claimable(self, now: datetime | None = None) -> Self:
        """Rows that have work and no live lease."""
        return self.filter(self.claimable_now(now))

    def claimable_now(self, now: datetime | None = None) -> Q:
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=now or timezone.now())
        return Q(status__in=self.model.WITH_WORK) & free

    def leased(self, now: datetime | None = None) -> Self:
        """Rows that somebody works on under a live lease."""
        return self.filter(lease_until__gt=now or timezone.now(), status__in=self.model.UNDER_LEASE)

    def held(self, token: int) -> Self:
        """The row while this token is the newest one: the fence in front of each write of an owner."""
        return self.filter(lease_token=token, status__in=self.model.UNDER_LEASE)

    def claim(
        self, row: Row, *, seconds: float, owner: str = "", from_live: bool = False, **changes: Any
    ) -> int | None:
        """Take the lease on a row that was read, and answer with its token; None if another one was quicker.

        The lease is this process's own, whose end can then be noticed, unless another `owner` is named. `from_live`
        takes it even where it has not ended.
        """
        # Compare and swap: status and token that were read must still be there, so one of two wins.
        free = self if from_live else self.claimable()
        there = free.filter(pk=row.pk, status=row.status, lease_token=row.lease_token)
        facts = _named(owner) if owner else _facts(machine.this_process())
        until = timezone.now() + timedelta(seconds=seconds)
        won = there.update(**facts, lease_token=F("lease_token") + 1, lease_until=until, **changes)
        return row.lease_token + 1 if won else None

    def prolong(self, token: int, *, seconds: float, **changes: Any) -> bool:
        """Put the lease's end off to `seconds` from now; False when it was lost."""
        return bool(self.held(token).update(lease_until=timezone.now() + timedelta(seconds=seconds), **changes))

    def release(self, token: int, **changes: Any) -> bool:
        """Give the lease back together with what was done under it; False when it was lost."""
        return bool(self.held(token).update(lease_until=None, **changes))

    def end_dead(self) -> int:
        """End the live leases of processes of this machine that are proved to be gone; return how many there were."""
        here = {"lease_boot_id": machine.boot_id(), "lease_pid_namespace": machine.pid_namespace()}
        if not all(here.values()):
            return 0
        dead = [row for row in self.leased().filter(**here) if machine.is_gone(row.lease_process)]
        return sum(self.held(row.lease_token).filter(pk=row.pk).update(lease_until=timezone.now()) for row in dead)


class Leased(models.Model):
    """The columns of a lease. Owner and token stay after its end: who was the last one, and which writes are late."""

    WITH_WORK: ClassVar[tuple[str, ...]]
    UNDER_LEASE: ClassVar[tuple[str, ...]]

    status: Any  # a CharField of the model's own
    lease_owner = models.CharField(max_length=120, blank=True)  # the machine first, so that its leases can be counted
    lease_token = models.PositiveBigIntegerField(default=0)  # rises with each claim: fences late writers off
    lease_until = models.DateTimeField(null=True, blank=True)
    # The owner as a process, which tells a dead one from a slow one, whatever the clock says.
    lease_boot_id = models.CharField(max_length=40, blank=True)
    lease_pid_namespace = models.CharField(max_length=40, blank=True)
    lease_pid = models.PositiveBigIntegerField(null=True, blank=True)
    lease_pid_started = models.PositiveBigIntegerField(null=True, blank=True)  # clock ticks since the kernel's start

    class Meta:
        abstract = True

    @property
    def lease_process(self) -> ProcessIdentity:
        """The process that took the lease, as far as it is known."""
        host = self.lease_owner.partition("/")[0]
        return ProcessIdentity(
            host, self.lease_pid or 0, self.lease_boot_id, self.lease_pid_namespace, self.lease_pid_started
        )


def owner_name() -> str:
    """Name this process as the rows do: HOST/PID."""
    here = machine.this_process()
    return f"{here.host}/{here.pid}"


def _named(owner: str) -> dict[str, Any]:
    nobody = {"lease_boot_id": "", "lease_pid_namespace": "", "lease_pid": None, "lease_pid_started": None}
    return nobody | {"lease_owner": owner}


def _facts(process: ProcessIdentity) -> dict[str, Any]:
    return {
        "lease_owner": f"{process.host}/{process.pid}",
        "lease_boot_id": process.boot_id,
        "lease_pid_namespace": process.pid_namespace,
        "lease_pid": process.pid,
        "lease_pid_started": process.started,
    }

"""What a supervisor does with the row of a run: claim it, keep it, give it back, by conditional updates."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from nasportal.lib.leases import owner_name
from searches.models import SearchRun
from searches.models.run_events import StatusChanged
from searches.models.status import Status
from searches.services.transitions import events_append, ring, run_move
from searches.supervision import disk


@dataclass(frozen=True)
class Claim:
    """A lease that was won: `token` fences every write that is made under it."""

    run_id: int
    token: int


@transaction.atomic
def run_claim(*, seconds: float, runs_at_once: int, owner: str = "", run_id: int | None = None) -> Claim | None:
    """Claims the run, or the one whose turn it is; None when nothing waits or the machine has enough to do.

    `owner` names another owner than this process, as `MACHINE/NAME`.
    """
    now = timezone.now()
    machine = (owner or owner_name()).partition("/")[0]
    SearchRun.objects.lock_queue()
    if SearchRun.objects.leased_on(machine, now).count() >= runs_at_once:
        return None
    waiting = SearchRun.objects.claimable(now)
    waiting = waiting.filter(pk=run_id) if run_id is not None else waiting.fairly_ordered(now)
    for run in waiting[:5]:
        claim = _claim(run, owner, seconds)
        if claim:
            return claim
    return None


def _claim(run: SearchRun, owner: str, seconds: float) -> Claim | None:
    now = timezone.now()
    was = Status(run.status)
    becomes = Status.RUNNING if was == Status.QUEUED else was
    token = SearchRun.objects.claim(
        run, seconds=seconds, owner=owner, status=becomes, attempt=F("attempt") + 1, started=run.started or now
    )
    if token is None:
        return None
    reason = "" if was == Status.QUEUED else "taken up again, its supervisor was lost"
    events_append(run=run, events=[StatusChanged(becomes, reason=reason)], at=now)
    return Claim(run.pk, token)


def run_heartbeat(*, claim: Claim, seconds: float, worked_seconds: float) -> Status | None:
    """Prolongs the lease; the answer is what is wanted of the run, or None when the lease is lost."""
    mine = SearchRun.objects.filter(pk=claim.run_id)
    kept = mine.prolong(claim.token, seconds=seconds, worked_seconds=F("worked_seconds") + worked_seconds)
    return run_wish(claim=claim) if kept else None


def run_wish(*, claim: Claim) -> Status | None:
    """Returns what users want of the run by now; a plain read, for looking often."""
    status = SearchRun.objects.filter(pk=claim.run_id).held(claim.token).values_list("status", flat=True).first()
    return Status(status) if status else None


@transaction.atomic
def run_pause_full(*, claim: Claim) -> None:
    """The disk is full: the run pauses, with the reason, until `reaper.resume_paused_by_storage` finds room."""
    run_pause_because(claim=claim, reason=disk.words())


@transaction.atomic
def run_pause_because(*, claim: Claim, reason: str) -> None:
    """Something outside is missing; the reason leads from it to the run."""
    run = SearchRun.objects.select_for_update().held(claim.token).filter(pk=claim.run_id).first()
    if run and run_move(run=run, sources=[Status.RUNNING], target=Status.PAUSING, reason=reason):
        SearchRun.objects.filter(pk=run.pk).update(reason=reason)


@transaction.atomic
def run_settle(*, claim: Claim) -> Status | None:
    """After the engine has stopped: pausing becomes paused, cancelling cancelled; running waits for its turn."""
    settled = {
        Status.PAUSING: Status.PAUSED,
        Status.CANCELLING: Status.CANCELLED,
        Status.RUNNING: Status.QUEUED,
    }
    run = SearchRun.objects.select_for_update().held(claim.token).filter(pk=claim.run_id).first()
    if run is None:
        return None
    run.progress.all().delete()
    target = settled[Status(run.status)]
    run_move(run=run, sources=[Status(run.status)], target=target, lease_until=None)
    if target == Status.QUEUED:
        ring(run.pk)
    return target


@transaction.atomic
def run_fail(*, claim: Claim, reason: str, traceback: str = "") -> bool:
    """Ends a run that its engine cannot go on with; what was accepted stays, and it can be resumed."""
    run = SearchRun.objects.select_for_update().held(claim.token).filter(pk=claim.run_id).first()
    if run is None:
        return False
    run.progress.all().delete()
    target = Status.CANCELLED if run.status == Status.CANCELLING else Status.FAILED
    SearchRun.objects.filter(pk=run.pk).update(traceback=traceback)
    return run_move(run=run, sources=[Status(run.status)], target=target, reason=reason, lease_until=None)

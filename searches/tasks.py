"""What django-q2 runs: shells round services. A message carries an id, and only means that there may be work."""

from django.conf import settings
from django.utils import timezone

from nasportal.lib.crash_points import crash_point
from searches.models import Notice
from searches.services import datasets as dataset_services
from searches.services import replays as replay_services
from searches.supervision import leases, reaper
from searches.supervision.supervisor import RunSupervisor


def supervise(run_id: int) -> str:
    """Works for one slice on the run whose turn it is; that need not be the one that rang."""
    claim = leases.run_claim(seconds=settings.LEASE_SECONDS, runs_at_once=settings.RUNS_AT_ONCE)
    if claim is None:
        return f"rung for run {run_id}: nothing waits, or this machine has enough to do"
    crash_point("claimed")
    outcome = RunSupervisor(claim).work()
    reaper.ring_for_next()
    return f"run {claim.run_id}: {outcome.value}"


def notify() -> str:
    """Tells how many notices are due. Earlier versions sent them here; now nasportal/server/courier.py does."""
    return f"{Notice.objects.due(timezone.now()).count()} notices are due"


def dataset_read(pk: int) -> str:
    """Reads an uploaded dataset."""
    return f"data set {pk}: {dataset_services.dataset_read(pk=pk)}"


def dataset_portray(name: str) -> str:
    """Makes what the page of a built-in dataset shows."""
    return f"portrait of {name}: {dataset_services.portrait_make(name=name)}"


def replay(pk: int) -> str:
    """Works for one slice on a replay."""
    return f"replay {pk}: {replay_services.replay_work(pk=pk)}"


def canary() -> str:
    """Proves that a message goes in and is worked on; the watchdog sends it."""
    return "alive"

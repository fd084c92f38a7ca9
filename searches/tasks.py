"""What django-q2 runs: shells round services. A message carries an id, and only means that there may be work."""

from django.conf import settings
from django.utils import timezone

from nasportal.lib.crash_points import crash_point
from nasportal.lib.work_places import place
from searches.models import Notice
from searches.services import datasets as dataset_services
from searches.services import replays as replay_services
from searches.supervision import leases, reaper
from searches.supervision.supervisor import RunSupervisor

NO_PLACE = "this machine has no free place"


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
    """Reads the upload whose turn it is; that need not be the one that rang."""
    outcome = dataset_services.dataset_read()
    dataset_services.ring_for_next()
    return f"rung for dataset {pk}: {outcome}"


def dataset_portray(name: str) -> str:
    """Makes what the page of a built-in dataset shows; those that were asked for meanwhile are rung for."""
    with place("previews") as is_free:
        if not is_free:
            return NO_PLACE
        outcome = dataset_services.portrait_make(name=name)
    dataset_services.portrait_ring_for_next()
    return f"portrait of {name}: {outcome}"


def replay(pk: int) -> str:
    """Works for one slice on the replay whose turn it is; that need not be the one that rang."""
    outcome = replay_services.replay_work()
    replay_services.ring_for_next()
    return f"rung for replay {pk}: {outcome}"


def canary() -> str:
    """Proves that a message goes in and is worked on; the watchdog sends it."""
    return "alive"

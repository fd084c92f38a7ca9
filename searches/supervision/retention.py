"""What is kept, and for how long: events and checkpoints of runs that are over are cut when a quota is exceeded.

Evaluations, histories, notes and the weights of a front are never cut. Of events whole prefixes go and `first_seq`
rises, so that a client which asks for older ones is sent to the snapshot; what that shows of them stays.
"""

import logging
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from nasportal.lib import file_storage
from searches.models import Activity, Event, SearchRun
from searches.models.querysets import WEIGHTS
from searches.models.run_events import KEPT
from searches.models.status import Status

log = logging.getLogger(__name__)
DONE = (Status.FINISHED, Status.CANCELLED)  # a failed run may be resumed, and then needs all that it had
RECENT = timedelta(days=1)  # a run that ended within it is left alone, whatever the quota says
LAST_EVENTS = 200  # of each run: what its page shows
CUT_AT_ONCE = 5000  # rows in one transaction
ACTIVITY_A_PROJECT = 2000


def retain() -> dict[str, int]:
    """One round; says what was cut."""
    return {"events": events_cut(), "files": checkpoints_cut(), "activity": activity_cut()}


def over_runs() -> list[SearchRun]:
    """Runs that are over for some time, the longest first."""
    return list(SearchRun.objects.filter(status__in=DONE, finished__lt=timezone.now() - RECENT).order_by("finished"))


def events_cut() -> int:
    """Down to the quota of rows, the oldest runs first."""
    excess = Event.objects.count() - settings.EVENTS_KEPT
    cut = 0
    for run in over_runs():
        if cut >= excess:
            break
        cut += prefix_cut(run, run.seq - LAST_EVENTS)
    return cut


def prefix_cut(run: SearchRun, through: int) -> int:
    """Deletes the events up to `through` and says so in `first_seq`, in pieces that hold no lock for long."""
    cut = 0
    while run.first_seq <= through:
        upto = min(through, run.first_seq + CUT_AT_ONCE - 1)
        with transaction.atomic():
            gone, _ = Event.objects.filter(run=run, seq__lte=upto).exclude(kind__in=KEPT).delete()
            SearchRun.objects.filter(pk=run.pk, first_seq__lte=upto).update(first_seq=upto + 1)
        run.first_seq = upto + 1
        cut += gone
    return cut


def checkpoints_cut() -> int:
    """Weights that no front holds, down to the quota of bytes, the oldest runs first."""
    excess = held_bytes() - settings.CHECKPOINT_BYTES_KEPT
    files = 0
    for run in over_runs():
        if excess <= 0:
            break
        gone, freed = run_thin(run)
        files, excess = files + gone, excess - freed
    return files


def run_thin(run: SearchRun) -> tuple[int, int]:
    """Deletes the weights of what is not on the front; first the rows forget them, then the files go."""
    kept = {run.chosen_number} if run.chosen_number is not None else set()
    held = run.evaluations.with_weights().only("pk", "run_id", "files")
    rows = held.filter(is_on_front=False).exclude(number__in=kept)
    named = {row.weights_path for row in held.exclude(pk__in=rows.values("pk"))}
    stale = [row for row in rows if row.weights_path not in named]
    with transaction.atomic():
        for row in stale:
            files = {name: facts for name, facts in row.files.items() if name != WEIGHTS}
            run.evaluations.filter(pk=row.pk).update(files=files)
    freed = 0
    for row in stale:
        path = run.folder / row.weights_path
        file_storage.remove(path, sha256=row.weights_sha256)
        if path.is_file():
            freed += path.stat().st_size
            path.unlink(missing_ok=True)
    return len(stale), freed


def activity_cut() -> int:
    """The newest of each project stay."""
    cut = 0
    for project in Activity.objects.order_by().values_list("project_id", flat=True).distinct():
        rows = Activity.objects.filter(project_id=project).order_by("-pk")
        last = rows.values_list("pk", flat=True)[ACTIVITY_A_PROJECT : ACTIVITY_A_PROJECT + 1].first()
        if last is not None:
            cut += rows.filter(pk__lte=last).delete()[0]
    return cut


def held_bytes() -> int:
    """Returns what runs hold on the disk."""
    folder = Path(settings.DATA_DIR) / "runs"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0

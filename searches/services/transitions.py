"""Moves a run from one status to another, and records that as an event in the same transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from codegen import services as repository_services
from nasportal.lib.crash_points import crash_point
from searches.models import Event, SearchRun
from searches.models.run_events import RepositoryRequested, StatusChanged
from searches.models.status import OVER, Status
from searches.services.notifications import run_ended
from searches.services.wakeups import nudge

RunEvent = StatusChanged | RepositoryRequested


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
    """Moves a run by a conditional update and records that as an event; False if another was quicker."""
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


def removal(folder: Any) -> Callable[[], None]:
    return lambda: repository_services.files_remove(folder)

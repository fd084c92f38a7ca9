"""Fake tasks that hold a place of their kind of work, as real ones do, and work at nothing."""

import time
from collections.abc import Callable
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction

from codegen.models import Repository
from nasportal.lib.work_places import place
from nasportal.lib.work_queue import Queued
from searches.models import Project, Replay, UploadedDataSet

ROWS: dict[str, Callable[[User], Queued]] = {
    "repositories": lambda user: Repository(owner=user, name="held", request={}, request_sha256="0" * 64),
    "replays": lambda user: Replay(owner=user, table_name="table.csv", question={}),
    "datasets": lambda user: UploadedDataSet(
        project=Project.objects.get(), by=user, key=uuid4().hex, name=uuid4().hex, file_name="held.npz"
    ),
}


def waiting(kind: str, user: User) -> Queued:
    """A row that waits in the queue of its kind."""
    row = ROWS[kind](user)
    row.save()
    return row


def hold(kind: str, user_id: int, seconds: float) -> str:
    """A place of this kind for so long; comes back at once where none is free."""
    if kind not in ROWS:
        with place(kind) as is_free:
            if is_free:
                time.sleep(seconds)
            return "held" if is_free else "no free place"
    with transaction.atomic():  # the row is never seen in the queue, so the portal's own tasks do not take it
        row = waiting(kind, User.objects.get(pk=user_id))
        rows = type(row)._default_manager.filter(pk=row.pk)  # type: ignore[attr-defined]
        held = rows.claim_in_turn(seconds=seconds, status=row.UNDER_LEASE[0])
        if held is None:
            row.delete()
    if held is not None:
        time.sleep(seconds)
    return "no free place" if held is None else "held"

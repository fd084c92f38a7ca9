"""The states of a run, the roles in a project, and the transition table, in one place."""

from django.db import models


class Role(models.TextChoices):
    """What somebody is in a project."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Phase(models.TextChoices):
    """The five phases of every run, the same words in page, API, events and command line."""

    PROBLEM = "problem"
    SPACE = "space", "search space"
    SEARCH = "search"
    SELECTION = "selection"
    CODE = "code"


class Status(models.TextChoices):
    """The states of a run. `pausing` and `cancelling` last until the supervisor has stopped the engine."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FINISHED = "finished"
    FAILED = "failed"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.PAUSED, Status.CANCELLED}),
    # Back to queued: the slice is over, or the portal is being stopped.
    Status.RUNNING: frozenset({Status.QUEUED, Status.PAUSING, Status.CANCELLING, Status.FINISHED, Status.FAILED}),
    Status.PAUSING: frozenset({Status.PAUSED, Status.RUNNING, Status.CANCELLING, Status.FINISHED, Status.FAILED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.CANCELLED}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.CANCELLED: frozenset(),
    Status.FINISHED: frozenset(),
    # A run fails by a broken engine or machine; once that is repaired it goes on from its history.
    Status.FAILED: frozenset({Status.QUEUED}),
}

# A run in one of these has work for a supervisor, be it only to finish a pause or a cancellation.
WITH_WORK = (Status.QUEUED, Status.RUNNING, Status.PAUSING, Status.CANCELLING)
# In one of these a live supervisor holds the lease, or one that died did.
UNDER_LEASE = (Status.RUNNING, Status.PAUSING, Status.CANCELLING)
OVER = (Status.CANCELLED, Status.FINISHED, Status.FAILED)
DELETABLE = (Status.QUEUED, Status.PAUSED, *OVER)

# What a user's request makes of each state; a state that is missing refuses the request.
WISHES: dict[str, dict[Status, Status]] = {
    "pause": {Status.QUEUED: Status.PAUSED, Status.RUNNING: Status.PAUSING},
    "resume": {Status.PAUSED: Status.QUEUED, Status.PAUSING: Status.RUNNING, Status.FAILED: Status.QUEUED},
    "cancel": {
        Status.QUEUED: Status.CANCELLED,
        Status.PAUSED: Status.CANCELLED,
        Status.RUNNING: Status.CANCELLING,
        Status.PAUSING: Status.CANCELLING,
    },
}


def sources(target: Status) -> tuple[Status, ...]:
    """The states from which a run may move to `target`."""
    return tuple(status for status, targets in TRANSITIONS.items() if target in targets)


def may(wish: str, status: str) -> bool:
    """Returns whether a run in `status` can be paused, resumed, cancelled, cloned or deleted."""
    if wish == "clone":
        return True
    if wish == "delete":
        return status in DELETABLE
    return status in WISHES[wish]

"""The kinds of background work, and how many places each has on a machine. One more kind is one more entry here.

Work takes a place of its own kind and never one of another: whatever many people ask for, a search still finds its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nasportal.lib import machine

GIB = 2**30


@dataclass(frozen=True)
class WorkKind:
    """One kind of work: its name, the environment variable for its places, and their default on a machine.

    Work that runs in a process of its own, outside the task cluster, has no variable.
    """

    name: str
    variable: str
    default_places: Callable[[int, int], int]  # of cores and bytes of memory


def shared(most: int, *, bytes_each: int = 4 * GIB) -> Callable[[int, int], int]:
    """Give a kind one place per four cores and per `bytes_each` of memory, at least one and at most `most`."""
    return lambda cores, memory_bytes: max(1, min(cores // 4, memory_bytes // bytes_each, most))


def searches(cores: int, memory_bytes: int) -> int:
    """Give searches one place per two cores, at most 4."""
    return max(1, min(cores // 2, 4))


def deliveries(cores: int, memory_bytes: int) -> int:
    """Give notifications eight places: a delivery waits for another host and needs no core."""
    return 8


KINDS = (
    WorkKind("searches", "NASPORTAL_RUNS_AT_ONCE", searches),
    WorkKind("repositories", "NASPORTAL_REPOSITORIES_AT_ONCE", shared(4)),
    WorkKind("datasets", "NASPORTAL_DATASETS_AT_ONCE", shared(3)),
    WorkKind("replays", "NASPORTAL_REPLAYS_AT_ONCE", shared(4)),
    WorkKind("previews", "NASPORTAL_PREVIEWS_AT_ONCE", shared(1)),
    WorkKind("notifications", "", deliveries),  # the threads of nasportal/server/courier.py
)


def places(given: Callable[[str, int], int]) -> dict[str, int]:
    """Count the places of each kind on this machine; `given` reads a variable or answers with the default."""
    cores, memory_bytes = machine.cores(), machine.memory_bytes()
    defaults = {kind: kind.default_places(cores, memory_bytes) for kind in KINDS}
    return {kind.name: max(1, given(kind.variable, n)) if kind.variable else n for kind, n in defaults.items()}


def workers(places: Mapping[str, int]) -> int:
    """Count the workers of the task cluster: one per place, and one for messages that find no free place."""
    return sum(places[kind.name] for kind in KINDS if kind.variable) + 1

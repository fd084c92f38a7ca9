"""Which GPU an evaluator trains on, given to it by CUDA_VISIBLE_DEVICES.

All searches of a user on one machine share its devices: an evaluator holds a lock on its slot, which falls with its
process, so evaluators lie as far apart as they can, however they were started. A machine without a GPU has no slots,
and evaluators are started as if nothing of this were there.
"""

import fcntl
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from profiling.meters.latency import private_folder
from searches.engine.hardware import VISIBLE, Gpu, gpus

OPTION = "NASPORTAL_EVALUATORS_PER_GPU"
BY_MEMORY = "memory"
MOST_EVALUATORS = 64  # on one device
ALL_GPUS = "EVALUATOR_GPUS"  # of the machine, the evaluator's own first: for a training in several processes
CONTEXT_BYTES = 2**29  # what CUDA takes of a device for each process, beside its tensors


class PlacementError(ValueError):
    """An option of the environment that says nothing about slots."""


@dataclass(frozen=True)
class GpuSlot:
    """A place on a device for one evaluator; the holder of the lock's descriptor holds the slot."""

    gpu: str
    lock: int

    def environment(self, all_names: Sequence[str]) -> dict[str, str]:
        others = [name for name in all_names if name != self.gpu]
        return {VISIBLE: self.gpu, ALL_GPUS: ",".join([self.gpu, *others])}


class GpuSlots:
    """The devices of this machine, and how many evaluators each may hold."""

    def __init__(self, held: Mapping[str, int]) -> None:
        self.held = dict(held)

    @property
    def count(self) -> int:
        return sum(self.held.values())

    def take(self, *, must: bool) -> GpuSlot | None:
        """The least used device that has room; ``must`` takes one even where all are full."""
        most = max(self.held.values())
        regular = ((slot, gpu) for slot in range(most) for gpu in self.held if slot < self.held[gpu])
        beyond = ((slot, gpu) for slot in itertools.count(most) for gpu in self.held)
        for slot, gpu in itertools.chain(regular, beyond if must else ()):
            if (lock := locked(gpu, slot)) is not None:
                return GpuSlot(gpu, lock)
        return None


def available_slots(guard_bytes: int | None) -> GpuSlots | None:
    """None where evaluators need no slot. ``guard_bytes`` is what one training may take."""
    found, wanted = gpus(), option()
    return GpuSlots({gpu.name: evaluators_on(gpu, wanted, guard_bytes) for gpu in found}) if found else None


def option() -> str:
    """Returns what the environment says. Raises PlacementError where that is neither a number nor ``memory``."""
    said = os.environ.get(OPTION) or "1"
    if said != BY_MEMORY and not (said.isdecimal() and 1 <= int(said) <= MOST_EVALUATORS):
        wanted = f"a whole number from 1 to {MOST_EVALUATORS}, or {BY_MEMORY}"
        raise PlacementError(f"{OPTION} must be {wanted}, but is {said!r}")
    return said


def per_gpu() -> int:
    """Returns the evaluators per GPU; ``memory`` counts as one where another machine's devices are not known."""
    said = option()
    return 1 if said == BY_MEMORY else int(said)


def evaluators_on(gpu: Gpu, said: str, guard_bytes: int | None) -> int:
    """Counts evaluators by memory: as many as find room for the largest training that the spec allows, at least one."""
    if said != BY_MEMORY:
        return int(said)
    if guard_bytes is None or gpu.free_bytes is None:
        return 1
    return min(MOST_EVALUATORS, max(1, gpu.free_bytes // (guard_bytes + CONTEXT_BYTES)))


def locked(gpu: str, slot: int) -> int | None:
    """The descriptor of a lock that was free."""
    path = private_folder("places") / f"{gpu.replace('/', '_')}.{slot}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor

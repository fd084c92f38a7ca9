"""Energy of one image: modelled from multiply-adds and bytes moved; measured where the machine has a counter.

Counters: RAPL on Linux, read from the kernel's own files, and NVML on NVIDIA GPUs through nvidia-ml-py where that is
installed. A wattage times a time is never shown: a counter's joules or the model's, and which of both it is.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from architectures.ir.complexity import Complexity
from profiling.meters.reading import Reading
from profiling.targets import Target

POWERCAP = Path("/sys/class/powercap")
MEASURE_SECONDS = 2.0


def modelled(counted: Complexity, target: Target) -> Reading:
    """Picojoules a multiply-add and a byte, with the target's constants: an estimate, and it says so."""
    fits = counted.weight_bytes + counted.activation_peak_bytes <= target.cache_bytes
    a_byte = target.picojoules_per_cached_byte if fits else target.picojoules_per_byte
    picojoules = counted.macs * target.picojoules_per_mac + counted.bytes_moved * a_byte
    return Reading(
        picojoules * 1e-9, "mJ", "modelled", {"picojoules_per_mac": target.picojoules_per_mac, "per_byte": a_byte}
    )


class Counter(Protocol):
    """Microjoules since some moment, one number a part of the machine."""

    name: str

    def is_readable(self) -> bool: ...

    def microjoules(self) -> list[int]: ...

    def spent(self, before: Sequence[int], after: Sequence[int]) -> int: ...


def counter_of(target: Target) -> Counter | None:
    """The counter of the machine that the target is, if it has one and we may read it."""
    counters: dict[str, Callable[[], Counter]] = {"cpu": Rapl, "cuda": Nvml}
    if target.device not in counters:
        return None
    counter = counters[target.device]()
    return counter if counter.is_readable() else None


class Rapl:
    """The package counters of Linux's power capping interface (RAPL); root alone may read them on most systems."""

    name = "RAPL, packages"

    def __init__(self, folder: Path = POWERCAP) -> None:
        self.zones = [zone for zone in sorted(folder.glob("*-rapl:[0-9]*")) if zone.name.count(":") == 1]

    def is_readable(self) -> bool:
        try:
            return bool(self.zones) and self.microjoules() is not None
        except OSError:
            return False

    def microjoules(self) -> list[int]:
        return [int((zone / "energy_uj").read_text()) for zone in self.zones]

    def spent(self, before: Sequence[int], after: Sequence[int]) -> int:
        """Counters wrap round at a range of their own."""
        total = 0
        for zone, first, last in zip(self.zones, before, after, strict=True):
            if last < first:
                last += int((zone / "max_energy_range_uj").read_text()) + 1
            total += last - first
        return total


class Nvml:
    """The GPU's own counter since its driver was loaded (Volta and later)."""

    name = "NVML, whole board"

    def __init__(self, library: Any = None) -> None:
        self.library = library if library is not None else nvml()

    def is_readable(self) -> bool:
        if self.library is None:
            return False
        try:
            self.library.nvmlInit()
            return self.microjoules() is not None
        except self.library.NVMLError:
            return False

    def microjoules(self) -> list[int]:
        return [self.library.nvmlDeviceGetTotalEnergyConsumption(self.board()) * 1000]  # it counts millijoules

    def board(self) -> Any:
        """The one that this process calls its first: an evaluator's own of several."""
        name = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0].strip()
        if name.isdecimal():
            return self.library.nvmlDeviceGetHandleByIndex(int(name))
        return self.library.nvmlDeviceGetHandleByUUID(name)

    def spent(self, before: Sequence[int], after: Sequence[int]) -> int:
        return after[0] - before[0]


def nvml() -> Any:
    """nvidia-ml-py, where it is installed."""
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def energy(run_once: Callable[[], object], counted: Complexity, target: Target) -> Reading:
    """The counter's value with the model's beside it; without a counter the model's."""
    counter = counter_of(target)
    model = modelled(counted, target)
    if counter is None:
        return model
    found = measured(run_once, counter)
    return replace(found, details={**found.details, "modelled_mj": model.value})


def measured(run_once: Callable[[], object], counter: Counter, seconds: float = MEASURE_SECONDS) -> Reading:
    """Above idle: the same time of doing nothing is measured first and taken off. The machine must be quiet."""
    before = counter.microjoules()
    started = time.monotonic()
    time.sleep(seconds)
    idle_watt = counter.spent(before, counter.microjoules()) / (time.monotonic() - started) * 1e-6
    before = counter.microjoules()
    started = time.monotonic()
    runs = 0
    while time.monotonic() - started < seconds:
        run_once()
        runs += 1
    elapsed = time.monotonic() - started
    joules = counter.spent(before, counter.microjoules()) * 1e-6 - idle_watt * elapsed
    details = {"runs": runs, "idle_watt": idle_watt, "counter": counter.name}
    return Reading(max(joules, 0.0) / runs * 1e3, "mJ", "measured", details)

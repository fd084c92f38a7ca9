"""Energy of one image: modelled from multiply-adds and bytes moved; measured where the machine has a counter."""

import time
from collections.abc import Callable
from pathlib import Path

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


class Rapl:
    """The package counters of Linux's power capping interface (RAPL); root alone may read them on most systems."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self.zones = [zone for zone in sorted(folder.glob("*-rapl:[0-9]*")) if zone.name.count(":") == 1]

    def is_readable(self) -> bool:
        try:
            return bool(self.zones) and self.microjoules() is not None
        except OSError:
            return False

    def microjoules(self) -> list[int]:
        return [int((zone / "energy_uj").read_text()) for zone in self.zones]

    def spent(self, before: list[int], after: list[int]) -> int:
        """Counters wrap round at a range of their own."""
        total = 0
        for zone, first, last in zip(self.zones, before, after, strict=True):
            if last < first:
                last += int((zone / "max_energy_range_uj").read_text()) + 1
            total += last - first
        return total


def measured(run_once: Callable[[], object], counter: Rapl, seconds: float = MEASURE_SECONDS) -> Reading:
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
    return Reading(max(joules, 0.0) / runs * 1e3, "mJ", "measured", {"runs": runs, "idle_watt": idle_watt})

"""Raspberry Pi 5: four Cortex-A76 at 2.4 GHz, LPDDR4X-4267 on 32 bits."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register
from profiling.targets.target import ASSUMED_SHARES, HOROWITZ


@register("raspberry_pi_5")
@dataclass(frozen=True)
class RaspberryPi5(Target):
    title: ClassVar[str] = "Raspberry Pi 5, one Cortex-A76 core"
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s",
            "Cortex-A76 Software Optimization Guide: two 128-bit FMLA per cycle, 8 float32 multiply-adds; 2.4 GHz by "
            "the "
            "Raspberry Pi 5 product brief",
        ),
        Source("cache_bytes", "BCM2712: 2 MB shared L3 (Raspberry Pi documentation, processors)"),
        Source("bytes_per_s, cache_bytes_per_s", "assumed: half of LPDDR4X-4267's 17 GB/s; 12 bytes per cycle from L3"),
        Source("kernel_overhead_s", "assumed: 8 µs for a node of an inference runtime"),
        Source("memory_bytes, storage_bytes", "assumed: 2 GiB of the smallest model at its launch for one network"),
        HOROWITZ,
        ASSUMED_SHARES,
    )

    peak_macs_per_s: float = 19.2e9
    bytes_per_s: float = 8.5e9
    cache_bytes: int = 2 * 2**20
    cache_bytes_per_s: float = 29e9
    kernel_overhead_s: float = 8e-6
    memory_bytes: int = 2 * 2**30
    storage_bytes: int = 2 * 2**30
    picojoules_per_mac: float = 4.6 + 70 / 4
    picojoules_per_byte: float = 162.5

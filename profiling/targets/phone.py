"""A phone of the Cortex-A76 class (Snapdragon 855: one such core at 2.84 GHz), LPDDR4X."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register
from profiling.targets.target import ASSUMED_SHARES, HOROWITZ


@register("phone")
@dataclass(frozen=True)
class Phone(Target):
    title: ClassVar[str] = "Phone, one big core of the Cortex-A76 class"
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s",
            "Cortex-A76 Software Optimization Guide: two 128-bit FMLA per cycle, 8 float32 multiply-adds; 2.84 GHz by "
            "Qualcomm's Snapdragon 855 product brief",
        ),
        Source("cache_bytes", "Snapdragon 855: 512 KB L2 of the fastest core and 2 MB shared L3"),
        Source(
            "bytes_per_s, cache_bytes_per_s", "assumed: 40 % of LPDDR4X-4266's 34 GB/s for one core; 12 bytes per cycle"
        ),
        Source("kernel_overhead_s", "assumed: 8 µs for a node of an inference runtime"),
        Source("memory_bytes, storage_bytes", "assumed: 512 MiB for one network of an app"),
        HOROWITZ,
        ASSUMED_SHARES,
    )

    peak_macs_per_s: float = 22.7e9
    bytes_per_s: float = 13.6e9
    cache_bytes: int = 2 * 2**20
    cache_bytes_per_s: float = 34e9
    kernel_overhead_s: float = 8e-6
    memory_bytes: int = 512 * 2**20
    storage_bytes: int = 512 * 2**20
    picojoules_per_mac: float = 4.6 + 70 / 4
    picojoules_per_byte: float = 162.5

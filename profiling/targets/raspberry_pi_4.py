"""Raspberry Pi 4 Model B: four Cortex-A72 at 1.5 GHz, LPDDR4-3200 on 32 bits."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register
from profiling.targets.target import ASSUMED_SHARES, HOROWITZ


@register("raspberry_pi_4")
@dataclass(frozen=True)
class RaspberryPi4(Target):
    title: ClassVar[str] = "Raspberry Pi 4, one Cortex-A72 core"
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s",
            "Cortex-A72 Software Optimization Guide (ARM UAN 0016): one 128-bit FMLA per cycle, 4 float32 "
            "multiply-adds; "
            "1.5 GHz by the Raspberry Pi 4 product brief",
        ),
        Source("cache_bytes", "BCM2711: 1 MB shared L2 (Raspberry Pi documentation, processors)"),
        Source(
            "bytes_per_s, cache_bytes_per_s", "assumed: a third of LPDDR4-3200's 12.8 GB/s; 8 bytes per cycle from L2"
        ),
        Source("kernel_overhead_s", "assumed: 15 µs for a node of an inference runtime"),
        Source("memory_bytes, storage_bytes", "assumed: 1 GiB of the smallest model for one network"),
        HOROWITZ,
        ASSUMED_SHARES,
    )

    peak_macs_per_s: float = 6e9
    bytes_per_s: float = 4.2e9
    cache_bytes: int = 2**20
    cache_bytes_per_s: float = 12e9
    kernel_overhead_s: float = 15e-6
    memory_bytes: int = 2**30
    storage_bytes: int = 2**30
    picojoules_per_mac: float = 4.6 + 70 / 4
    picojoules_per_byte: float = 162.5

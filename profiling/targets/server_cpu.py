"""A server CPU: one core of an AMD EPYC 7763 (Zen 3, up to 3.5 GHz)."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register
from profiling.targets.target import ASSUMED_SHARES, HOROWITZ


@register("server_cpu")
@dataclass(frozen=True)
class ServerCpu(Target):
    title: ClassVar[str] = "Server CPU, one core of the EPYC 7763 class"
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s",
            "AMD Software Optimization Guide, Family 19h (Zen 3): two 256-bit FMA per cycle, 16 float32 multiply-adds, "
            "3.5 GHz boost by the EPYC 7763 product page",
        ),
        Source("cache_bytes", "EPYC 7763: 32 MB L3 per core complex (product page)"),
        Source("bytes_per_s, cache_bytes_per_s", "assumed: one core draws 20 GB/s from DDR4-3200, 100 GB/s from L3"),
        Source("kernel_overhead_s", "assumed: 3 µs for a node of an inference runtime"),
        Source("memory_bytes, storage_bytes", "assumed: 4 GiB for one network"),
        HOROWITZ,
        ASSUMED_SHARES,
    )

    peak_macs_per_s: float = 56e9
    bytes_per_s: float = 20e9
    cache_bytes: int = 32 * 2**20
    cache_bytes_per_s: float = 100e9
    kernel_overhead_s: float = 3e-6
    memory_bytes: int = 4 * 2**30
    storage_bytes: int = 4 * 2**30
    picojoules_per_mac: float = 4.6 + 70 / 8
    picojoules_per_byte: float = 162.5

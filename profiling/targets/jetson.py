"""NVIDIA Jetson Orin Nano, 8 GB module, 15 W: 1,024 CUDA cores at 625 MHz, LPDDR5 at 68 GB/s."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register


@register("jetson")
@dataclass(frozen=True)
class Jetson(Target):
    title: ClassVar[str] = "Jetson Orin Nano 8 GB, its GPU"
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s, bytes_per_s, memory_bytes, storage_bytes",
            "NVIDIA Jetson Orin Nano series data sheet: 1,024 CUDA cores, 625 MHz, 68 GB/s, 8 GB (half of it for one "
            "network), 7 to 15 W",
        ),
        Source("cache_bytes, cache_bytes_per_s", "assumed: 2 MB L2 at three times the memory bandwidth"),
        Source("kernel_overhead_s", "assumed: 10 µs to launch a kernel from an Arm core"),
        Source("picojoules_per_mac", "15 W over the peak rate, both of the data sheet: an upper bound at full load"),
        Source(
            "picojoules_per_byte", "O'Connor et al., Fine-grained DRAM, MICRO 2017: GDDR5 14 pJ per bit, as a bound"
        ),
        Source("dense_share, depthwise_share", "assumed: small images do not fill a GPU"),
    )

    peak_macs_per_s: float = 640e9
    bytes_per_s: float = 68e9
    cache_bytes: int = 2 * 2**20
    cache_bytes_per_s: float = 200e9
    kernel_overhead_s: float = 10e-6
    memory_bytes: int = 4 * 2**30
    storage_bytes: int = 4 * 2**30
    picojoules_per_mac: float = 15 / 640e9 * 1e12
    picojoules_per_byte: float = 112.0
    dense_share: float = 0.4
    depthwise_share: float = 0.05

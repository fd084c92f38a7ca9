"""A data-centre GPU for inference: NVIDIA T4, 2,560 CUDA cores, GDDR6 at 320 GB/s, 70 W."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register


@register("gpu")
@dataclass(frozen=True)
class Gpu(Target):
    title: ClassVar[str] = "NVIDIA T4"
    fuses: ClassVar[bool] = False  # eager torch, as the delivered inference.py runs it: a launch a node
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s, bytes_per_s, memory_bytes, storage_bytes",
            "NVIDIA T4 data sheet: 8.1 TFLOPS in float32, 320 GB/s, 16 GB, 70 W",
        ),
        Source("cache_bytes", "NVIDIA Turing architecture whitepaper: 4 MB L2 of the T4's TU104"),
        Source("cache_bytes_per_s", "assumed: three times the memory bandwidth"),
        Source("kernel_overhead_s", "assumed: 5 µs to launch a kernel"),
        Source("picojoules_per_mac", "70 W over the peak rate, both of the data sheet: an upper bound at full load"),
        Source(
            "picojoules_per_byte", "O'Connor et al., Fine-grained DRAM, MICRO 2017: GDDR5 14 pJ per bit, as a bound"
        ),
        Source("dense_share, depthwise_share", "assumed: small images do not fill a GPU"),
    )

    peak_macs_per_s: float = 4.05e12
    bytes_per_s: float = 320e9
    cache_bytes: int = 4 * 2**20
    cache_bytes_per_s: float = 960e9
    kernel_overhead_s: float = 5e-6
    memory_bytes: int = 15 * 2**30
    storage_bytes: int = 15 * 2**30
    picojoules_per_mac: float = 70 / 4.05e12 * 1e12
    picojoules_per_byte: float = 112.0
    dense_share: float = 0.4
    depthwise_share: float = 0.05

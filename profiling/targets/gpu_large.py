"""A large data-centre GPU: NVIDIA A100 (SXM4, 40 GB), 6,912 CUDA cores, HBM2 at 1,555 GB/s, 400 W."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register


@register("gpu_large")
@dataclass(frozen=True)
class GpuLarge(Target):
    title: ClassVar[str] = "NVIDIA A100, 40 GB"
    fuses: ClassVar[bool] = False  # eager torch, as the delivered inference.py runs it: a launch a node
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s, bytes_per_s, memory_bytes, storage_bytes",
            "NVIDIA A100 data sheet: 19.5 TFLOPS in float32 without tensor cores, 1,555 GB/s, 40 GB, 400 W",
        ),
        Source("cache_bytes", "NVIDIA A100 architecture whitepaper: 40 MB L2"),
        Source("cache_bytes_per_s", "assumed: three times the memory bandwidth"),
        Source("kernel_overhead_s", "assumed: 5 µs to launch a kernel"),
        Source("picojoules_per_mac", "400 W over the peak rate, both of the data sheet: an upper bound at full load"),
        Source("picojoules_per_byte", "O'Connor et al., Fine-grained DRAM, MICRO 2017: HBM2 3.9 pJ per bit"),
        Source("dense_share, depthwise_share", "assumed: small images do not fill a GPU, a large one least"),
    )

    peak_macs_per_s: float = 9.75e12
    bytes_per_s: float = 1.555e12
    cache_bytes: int = 40 * 2**20
    cache_bytes_per_s: float = 4.7e12
    kernel_overhead_s: float = 5e-6
    memory_bytes: int = 38 * 2**30
    storage_bytes: int = 38 * 2**30
    picojoules_per_mac: float = 400 / 9.75e12 * 1e12
    picojoules_per_byte: float = 31.2
    dense_share: float = 0.3
    depthwise_share: float = 0.03

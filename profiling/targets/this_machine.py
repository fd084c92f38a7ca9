"""The machine that the search runs on: latency is measured here; the numbers only serve the estimate before it."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register
from profiling.targets.target import ASSUMED_SHARES, HOROWITZ


@register("this_machine")
@dataclass(frozen=True)
class ThisMachine(Target):
    title: ClassVar[str] = "This machine, one CPU core"
    is_this_machine: ClassVar[bool] = True
    device: ClassVar[str] = "cpu"
    fuses: ClassVar[bool] = False  # what is measured is the eager torch module, a kernel a node
    sources: ClassVar[tuple[Source, ...]] = (
        Source("peak_macs_per_s", "assumed: a server core with AVX2, 16 multiply-adds per cycle at 3 GHz"),
        Source(
            "bytes_per_s, cache_bytes, cache_bytes_per_s",
            "assumed: 12 GB/s per core from DDR4, 60 GB/s from 16 MB of a shared cache",
        ),
        Source(
            "kernel_overhead_s", "measured while this was written: an eager torch kernel takes about 10 µs to launch"
        ),
        Source("memory_bytes, storage_bytes", "assumed: 4 GiB for one network"),
        HOROWITZ,
        ASSUMED_SHARES,
    )

    peak_macs_per_s: float = 48e9
    bytes_per_s: float = 12e9
    cache_bytes: int = 16 * 2**20
    cache_bytes_per_s: float = 60e9
    kernel_overhead_s: float = 10e-6
    memory_bytes: int = 4 * 2**30
    storage_bytes: int = 4 * 2**30
    picojoules_per_mac: float = 4.6 + 70 / 8  # 8 lanes share an instruction
    picojoules_per_byte: float = 162.5

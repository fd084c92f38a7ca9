"""A microcontroller: STM32H743, Cortex-M7 at 480 MHz, 1 MB of RAM, 2 MB of flash; float32 in plain C."""

from dataclasses import dataclass
from typing import ClassVar

from profiling.targets import Source, Target, register
from profiling.targets.target import HOROWITZ


@register("microcontroller")
@dataclass(frozen=True)
class Microcontroller(Target):
    title: ClassVar[str] = "Microcontroller of the STM32H743 class"
    sources: ClassVar[tuple[Source, ...]] = (
        Source(
            "peak_macs_per_s, memory_bytes, storage_bytes, cache_bytes",
            "STM32H743 data sheet (DS12110): Cortex-M7 at 480 MHz, 1 MB of RAM of which 512 KB in one piece, 2 MB of "
            "flash, 16 KB of data cache; its FPU issues one float32 multiply-add per cycle",
        ),
        Source(
            "bytes_per_s, cache_bytes_per_s",
            "assumed: 4 bytes per bus cycle at 240 MHz, 4 per cycle from the 16 KB cache",
        ),
        Source("kernel_overhead_s", "assumed: 2 µs for a function call with its loop set-up"),
        Source("dense_share, depthwise_share", "assumed: plain C spends three instructions beside each multiply-add"),
        HOROWITZ,
    )

    peak_macs_per_s: float = 480e6
    bytes_per_s: float = 0.96e9
    cache_bytes: int = 16 * 2**10
    cache_bytes_per_s: float = 1.92e9
    kernel_overhead_s: float = 2e-6
    memory_bytes: int = 512 * 2**10
    storage_bytes: int = 2 * 2**20
    picojoules_per_mac: float = 4.6 + 4 * 70  # one lane: the multiply-add and three instructions beside it
    picojoules_per_byte: float = 12.5  # its RAM is on the chip
    dense_share: float = 0.25
    depthwise_share: float = 0.2

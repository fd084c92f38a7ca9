"""Limits that a network must keep, checked on its graph before any training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from architectures.ir.complexity import Complexity


@dataclass(frozen=True)
class Limits:
    """Bounds; None leaves a quantity free. `max_flops` counts two a multiply-add, memory is the activation peak."""

    min_params: int | None = None
    max_params: int | None = None
    max_flops: int | None = None
    max_memory_bytes: int | None = None
    max_latency_ms: float | None = None

    def allow(self, params: int, macs: int) -> bool:
        """Whether these counts are within the bounds: the quick question; `violations` says what is wrong."""
        return (
            (self.max_params is None or params <= self.max_params)
            and (self.max_flops is None or 2 * macs <= self.max_flops)
            and (self.min_params is None or params >= self.min_params)
        )

    def violations(self, complexity: Complexity, latency_ms: float | None = None) -> tuple[str, ...]:
        """One sentence a broken limit."""
        memory = complexity.activation_peak_bytes
        checks = (
            (self.max_params, complexity.params, "parameters"),
            (self.max_flops, complexity.flops, "FLOPs"),
            (self.max_memory_bytes, memory, "bytes of activations"),
        )
        found = [
            f"{value:,} {unit} exceed {most:,}" for most, value, unit in checks if most is not None and value > most
        ]
        if self.min_params is not None and complexity.params < self.min_params:
            found.append(f"{complexity.params:,} parameters are fewer than {self.min_params:,}")
        if self.max_latency_ms is not None and latency_ms is not None and latency_ms > self.max_latency_ms:
            found.append(f"{latency_ms:.3g} ms exceed {self.max_latency_ms:.3g} ms")
        return tuple(found)


# Weights are counted as float32: 4 bytes a parameter.
PRESETS: Mapping[str, Limits] = {
    "mobile": Limits(max_params=5_000_000, max_flops=500_000_000),  # the "mobile setting" of the ImageNet literature
    "edge": Limits(max_params=2_000_000, max_flops=200_000_000, max_memory_bytes=16 * 2**20),
    # Of 1 MB of flash a quarter is left to the program, of 256 KB of RAM a quarter to its variables.
    "microcontroller": Limits(max_params=192 * 1024, max_flops=60_000_000, max_memory_bytes=192 * 1024),
    "gpu": Limits(max_params=100_000_000, max_flops=20_000_000_000, max_memory_bytes=2 * 2**30),
}

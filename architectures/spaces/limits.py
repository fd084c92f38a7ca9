"""Limits that a network must keep, checked on its graph before any training."""

from __future__ import annotations

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

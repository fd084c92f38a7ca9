"""Peak of the activations of one image, counted on the graph."""

from typing import ClassVar, Literal

from architectures.ir.complexity import Complexity
from searches import objectives


@objectives.register("memory")
class Memory:
    title: ClassVar[str] = "peak activation memory"
    unit: ClassVar[str] = "bytes"
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    is_measured: ClassVar[bool] = False
    ideal: ClassVar[float] = 0.0
    measured_as: ClassVar[str] = "memory_bytes"
    limit: ClassVar[str | None] = "max_memory_bytes"
    worst: ClassVar[float | None] = None

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return float(complexity.activation_peak_bytes)

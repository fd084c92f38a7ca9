"""Time of one image through the network on the target: measured on this machine, estimated for other targets."""

from typing import ClassVar, Literal

from architectures.ir.complexity import Complexity
from searches import objectives


@objectives.register("latency")
class Latency:
    title: ClassVar[str] = "latency, batch 1"
    unit: ClassVar[str] = "ms"
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    is_measured: ClassVar[bool] = True
    ideal: ClassVar[float] = 0.0
    measured_as: ClassVar[str] = "latency_ms"
    limit: ClassVar[str | None] = "max_latency_ms"
    worst: ClassVar[float | None] = None

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return None

"""Floating-point operations for one image: two for each multiply-add."""

from typing import ClassVar, Literal

from architectures.ir.complexity import Complexity
from searches import objectives


@objectives.register("flops")
class Flops:
    title: ClassVar[str] = "FLOPs"
    unit: ClassVar[str] = ""
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    is_measured: ClassVar[bool] = False
    ideal: ClassVar[float] = 0.0
    measured_as: ClassVar[str] = "flops"
    limit: ClassVar[str | None] = "max_flops"
    worst: ClassVar[float | None] = None

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return float(complexity.flops)

"""Trainable numbers of the network, counted on the graph."""

from typing import ClassVar, Literal

from architectures.ir.complexity import Complexity
from searches import objectives


@objectives.register("params")
class Params:
    title: ClassVar[str] = "parameters"
    unit: ClassVar[str] = ""
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    is_measured: ClassVar[bool] = False
    ideal: ClassVar[float] = 0.0
    measured_as: ClassVar[str] = "params"
    limit: ClassVar[str | None] = "max_params"
    worst: ClassVar[float | None] = None

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return float(complexity.params)

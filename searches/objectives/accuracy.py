"""Share of the validation split that is classified correctly."""

from typing import ClassVar, Literal

from architectures.ir.complexity import Complexity
from searches import objectives


@objectives.register("accuracy")
class Accuracy:
    title: ClassVar[str] = "validation accuracy"
    unit: ClassVar[str] = ""
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    is_measured: ClassVar[bool] = False
    ideal: ClassVar[float] = 1.0
    measured_as: ClassVar[str] = "accuracy"
    limit: ClassVar[str | None] = None
    worst: ClassVar[float | None] = 0.0

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return None

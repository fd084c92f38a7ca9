"""Energy of one image through the network on the target; modelled where no counter can be read."""

from typing import ClassVar, Literal

from architectures.ir.complexity import Complexity
from searches import objectives


@objectives.register("energy")
class Energy:
    title: ClassVar[str] = "energy of one image"
    unit: ClassVar[str] = "mJ"
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    is_measured: ClassVar[bool] = False
    ideal: ClassVar[float] = 0.0
    measured_as: ClassVar[str] = "energy_mj"
    limit: ClassVar[str | None] = None
    worst: ClassVar[float | None] = None

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return None

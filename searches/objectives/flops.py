"""Floating-point operations for one image: two for each multiply-add."""

from architectures.ir.complexity import Complexity
from searches import objectives
from searches.objectives.objective import Objective


@objectives.register("flops")
class Flops(Objective):
    title = "FLOPs"
    measured_as = "flops"
    limit = "max_flops"

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return float(complexity.flops)

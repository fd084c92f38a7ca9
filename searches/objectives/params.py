"""Trainable numbers of the network, counted on the graph."""

from architectures.ir.complexity import Complexity
from searches import objectives
from searches.objectives.objective import Objective


@objectives.register("params")
class Params(Objective):
    title = "parameters"
    measured_as = "params"
    limit = "max_params"

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return float(complexity.params)

"""Peak of the activations of one image, counted on the graph."""

from architectures.ir.complexity import Complexity
from searches import objectives
from searches.objectives.objective import Objective


@objectives.register("memory")
class Memory(Objective):
    title = "peak activation memory"
    unit = "bytes"
    measured_as = "memory_bytes"
    limit = "max_memory_bytes"

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        return float(complexity.activation_peak_bytes)

"""Peak activation memory of one image, counted by liveness over the graph; weights and training are beside it."""

from architectures.ir.complexity import Complexity
from profiling.meters.reading import Reading


def memory(counted: Complexity) -> Reading:
    return Reading(
        counted.activation_peak_bytes,
        "bytes",
        "counted",
        {"weight_bytes": counted.weight_bytes, "training_peak_bytes_per_image": counted.training_peak_bytes},
    )

"""Time of one image through the network on the target: measured on this machine, estimated for other targets."""

from searches import objectives
from searches.objectives.objective import Objective


@objectives.register("latency")
class Latency(Objective):
    title = "latency, batch 1"
    unit = "ms"
    is_measured = True
    measured_as = "latency_ms"
    limit = "max_latency_ms"

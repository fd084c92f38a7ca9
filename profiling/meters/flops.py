"""Floating-point operations for one image, counted: two for each multiply-add."""

from architectures.ir.complexity import Complexity
from profiling.meters.reading import Reading


def flops(counted: Complexity) -> Reading:
    return Reading(counted.flops, "FLOPs", "counted", {"macs": counted.macs})

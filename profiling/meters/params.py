"""Trainable parameters, counted."""

from architectures.ir.complexity import Complexity
from profiling.meters.reading import Reading


def params(counted: Complexity) -> Reading:
    return Reading(counted.params, "parameters", "counted")

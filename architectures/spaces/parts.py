"""What a part of a network costs by itself, for spaces whose parts add up. Counted by the graph's own primitives."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from architectures.ir.builder import Builder
from architectures.ir.primitives import Shape
from architectures.operations import Operation

Expand = Callable[[Builder, str], str]


class Part(NamedTuple):
    """Parameters and MACs of a part, and the shape that it gives."""

    params: int
    macs: int
    shape: Shape


def part(expand: Expand, shape: Shape) -> Part:
    """The part that `expand` adds after a value of this shape."""
    builder = Builder(shape)
    x = expand(builder, "input")
    return Part(*builder.costs(), builder.shape(x))


@lru_cache(maxsize=1 << 14)
def operation_part(operation: Operation, shape: Shape, channels: int, stride: int) -> Part:
    return part(lambda builder, x: operation.expand(builder, x, channels, stride), shape)

"""Mean of 3×3 neighbours, padding not counted; a projection follows where the channels change."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir import primitives
from architectures.ir.builder import Builder
from architectures.operations import register
from architectures.operations.parts import project


@register("avg_pool")
@dataclass(frozen=True)
class AvgPool:
    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        x = builder.add("pool", primitives.AvgPool(kernel=3, stride=stride, padding=1), x)
        return x if builder.shape(x)[0] == channels else project(builder, x, channels, stride=1)

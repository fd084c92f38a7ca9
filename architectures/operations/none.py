"""No connection: zeros. Where the channels change it has nothing to change and is a projection of zeros."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.ir.primitives import Zero
from architectures.operations import register
from architectures.operations.parts import project


@register("none")
@dataclass(frozen=True)
class NoConnection:
    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        x = builder.add("zero", Zero(stride), x)
        return x if builder.shape(x)[0] == channels else project(builder, x, channels, stride=1)

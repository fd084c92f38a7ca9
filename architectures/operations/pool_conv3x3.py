"""3×3 convolution that halves by a maximum of 3×3 neighbours before it, not by its stride."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.ir.primitives import MaxPool
from architectures.operations import register
from architectures.operations.parts import convolution


@register("pool_conv3x3")
@dataclass(frozen=True)
class PoolConv3x3:
    """No pixel is stepped over, at the cost of the strided convolution; the same as conv3x3 where nothing is halved."""

    activation_first: bool = False

    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        if stride > 1:
            x = builder.add("pool", MaxPool(kernel=3, stride=stride, padding=1), x)
        first = self.activation_first
        return convolution(builder, x, channels, kernel=3, stride=1, dilation=1, activation_first=first)

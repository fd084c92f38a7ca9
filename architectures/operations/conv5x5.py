"""5×5 convolution."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.operations import register
from architectures.operations.parts import convolution


@register("conv5x5")
@dataclass(frozen=True)
class Conv5x5:
    activation_first: bool = False

    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        first = self.activation_first
        return convolution(builder, x, channels, kernel=5, stride=stride, dilation=1, activation_first=first)

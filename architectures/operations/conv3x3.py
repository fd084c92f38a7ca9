"""3×3 convolution."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.operations import register
from architectures.operations.parts import convolution


@register("conv3x3")
@dataclass(frozen=True)
class Conv3x3:
    activation_first: bool = False

    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        first = self.activation_first
        return convolution(builder, x, channels, kernel=3, stride=stride, dilation=1, activation_first=first)

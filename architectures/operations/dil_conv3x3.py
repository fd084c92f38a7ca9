"""3×3 convolution with holes (dilation 2): a 5×5 field of view at the cost of 3×3."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.operations import register
from architectures.operations.parts import convolution


@register("dil_conv3x3")
@dataclass(frozen=True)
class DilatedConv3x3:
    activation_first: bool = False

    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        first = self.activation_first
        return convolution(builder, x, channels, kernel=3, stride=stride, dilation=2, activation_first=first)

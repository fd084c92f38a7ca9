"""Separable 3×3 convolution (Xception, MobileNet): depthwise, then pointwise."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.operations import register
from architectures.operations.parts import depthwise, pointwise


@register("sep_conv3x3")
@dataclass(frozen=True)
class SeparableConv3x3:
    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        return pointwise(builder, depthwise(builder, x, kernel=3, stride=stride), channels)

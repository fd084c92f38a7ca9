"""Depthwise 3×3 convolution: one filter a channel; a projection follows where the channels change."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.operations import register
from architectures.operations.parts import depthwise, project


@register("depthwise_conv")
@dataclass(frozen=True)
class DepthwiseConv:
    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        x = depthwise(builder, x, kernel=3, stride=stride)
        return x if builder.shape(x)[0] == channels else project(builder, x, channels, stride=1)

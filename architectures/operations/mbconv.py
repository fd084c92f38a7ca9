"""Inverted bottleneck (MobileNetV2, arXiv 1801.04381), with squeeze-and-excitation (arXiv 1709.01507) as an option."""

from __future__ import annotations

from dataclasses import dataclass

from architectures.ir.builder import Builder
from architectures.ir.primitives import (
    Add,
    BatchNorm,
    Conv2d,
    GlobalAvgPool,
    HardSigmoid,
    HardSwish,
    Multiply,
    Primitive,
    Relu,
    Relu6,
)
from architectures.operations import register
from architectures.options import option

ACTIVATIONS: dict[str, Primitive] = {"relu6": Relu6(), "hard_swish": HardSwish()}


@register("mbconv")
@dataclass(frozen=True)
class InvertedBottleneck:
    kernel: int = option(3, "side of the depthwise kernel", choices=(3, 5, 7))
    expansion: int = option(4, "inner channels per outer channel", min=1, max=8)
    squeeze: bool = option(False, "adds squeeze-and-excitation")
    activation: str = option("relu6", "activation of the inner layers", choices=tuple(ACTIVATIONS))

    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        before, inner = x, builder.shape(x)[0] * self.expansion
        activation = ACTIVATIONS[self.activation]
        if self.expansion > 1:
            x = builder.add("expand", Conv2d(inner, kernel=1, padding=0), x)
            x = builder.add("expand_norm", BatchNorm(), x)
            x = builder.add("expand_activation", activation, x)
        x = builder.add("depthwise", Conv2d(inner, self.kernel, stride, self.kernel // 2, groups=inner), x)
        x = builder.add("depthwise_norm", BatchNorm(), x)
        x = builder.add("depthwise_activation", activation, x)
        if self.squeeze:
            x = builder.add("scale", Multiply(), x, self._gate(builder, x, inner))
        x = builder.add("project", Conv2d(channels, kernel=1, padding=0), x)
        x = builder.add("project_norm", BatchNorm(), x)
        same = stride == 1 and builder.shape(before) == builder.shape(x)
        return builder.add("add", Add(), x, before) if same else x

    def _gate(self, builder: Builder, x: str, inner: int) -> str:
        with builder.scope("squeeze"):
            x = builder.add("pool", GlobalAvgPool(), x)
            x = builder.add("reduce", Conv2d(max(4, inner // 16), kernel=1, padding=0, bias=True), x)
            x = builder.add("activation", Relu(), x)
            x = builder.add("restore", Conv2d(inner, kernel=1, padding=0, bias=True), x)
            return builder.add("gate", HardSigmoid(), x)

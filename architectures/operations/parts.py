"""Sequences of primitives that several operations share."""

from __future__ import annotations

from architectures.ir.builder import Builder
from architectures.ir.primitives import BatchNorm, Conv2d, Relu


def convolution(
    builder: Builder, x: str, channels: int, *, kernel: int, stride: int, dilation: int, activation_first: bool
) -> str:
    """Convolution and batch norm, with a ReLU after them or, in the order of cells, before them."""
    if activation_first:
        x = builder.add("activation", Relu(), x)
    x = builder.add("conv", Conv2d(channels, kernel, stride, dilation * (kernel // 2), dilation), x)
    x = builder.add("norm", BatchNorm(), x)
    return x if activation_first else builder.add("activation", Relu(), x)


def depthwise(builder: Builder, x: str, *, kernel: int, stride: int) -> str:
    channels = builder.shape(x)[0]
    conv = Conv2d(channels, kernel, stride, kernel // 2, groups=channels)
    x = builder.add("depthwise", conv, x)
    x = builder.add("depthwise_norm", BatchNorm(), x)
    return builder.add("depthwise_activation", Relu(), x)


def pointwise(builder: Builder, x: str, channels: int) -> str:
    x = builder.add("pointwise", Conv2d(channels, kernel=1, padding=0), x)
    x = builder.add("pointwise_norm", BatchNorm(), x)
    return builder.add("pointwise_activation", Relu(), x)


def project(builder: Builder, x: str, channels: int, stride: int) -> str:
    """A 1×1 convolution to another shape, without activation."""
    x = builder.add("project", Conv2d(channels, kernel=1, stride=stride, padding=0), x)
    return builder.add("project_norm", BatchNorm(), x)

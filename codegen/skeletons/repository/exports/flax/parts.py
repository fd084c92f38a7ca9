"""Layers as PyTorch counts: padding is a number, a mean leaves its padding out; `take` gives them PyTorch's weights."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import Array


class Conv(nnx.Conv):
    """A convolution whose padding is a number on all four sides."""

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(
            channels,
            filters,
            (kernel, kernel),
            strides=(stride, stride),
            padding=((padding, padding), (padding, padding)),
            kernel_dilation=(dilation, dilation),
            feature_group_count=groups,
            use_bias=bias,
            rngs=nnx.Rngs(0),
        )

    def take(self, weight: Any, bias: Any = None) -> None:
        """From (out, in, height, width) to (height, width, in, out); depthwise ones are no exception here."""
        self.kernel[...] = jnp.asarray(weight.transpose(2, 3, 1, 0))
        if bias is not None:
            self.bias[...] = jnp.asarray(bias)


class BatchNorm(nnx.BatchNorm):
    """PyTorch's momentum is the weight of the new statistics, Flax' that of the old ones."""

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, momentum=1 - momentum, epsilon=eps, rngs=nnx.Rngs(0))

    def take(self, weight: Any, bias: Any, running_mean: Any, running_var: Any) -> None:
        self.scale[...], self.bias[...] = jnp.asarray(weight), jnp.asarray(bias)
        self.mean[...], self.var[...] = jnp.asarray(running_mean), jnp.asarray(running_var)


class Linear(nnx.Linear):
    """A linear layer."""

    def __init__(self, features: int, units: int, bias: bool = True) -> None:
        super().__init__(features, units, use_bias=bias, rngs=nnx.Rngs(0))

    def take(self, weight: Any, bias: Any = None) -> None:
        self.kernel[...] = jnp.asarray(weight.T)
        if bias is not None:
            self.bias[...] = jnp.asarray(bias)


class Dropout(nnx.Dropout):
    """Values left out at random in training."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate, rngs=nnx.Rngs(0))


class Pool(nnx.Module):
    """A window that moves over height and width."""

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        self.window, self.strides = (kernel, kernel), (stride, stride)
        self.around = ((padding, padding), (padding, padding))


class MaxPool(Pool):
    """Padding is never the maximum."""

    def __call__(self, x: Array) -> Array:
        return nnx.max_pool(x, self.window, strides=self.strides, padding=self.around)


class AvgPool(Pool):
    """Padding is not counted: the mean is over the pixels that are there."""

    def __call__(self, x: Array) -> Array:
        return nnx.avg_pool(x, self.window, strides=self.strides, padding=self.around, count_include_pad=False)


def flatten(x: Array) -> Array:
    """In PyTorch's order: channels, height, width."""
    return x.transpose(0, 3, 1, 2).reshape(len(x), -1)

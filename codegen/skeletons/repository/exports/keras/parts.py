"""Layers as PyTorch counts: padding is a number, a mean leaves its padding out, weights exist from the beginning."""

from typing import Any

from keras import KerasTensor, layers, ops


def padded(x: KerasTensor, padding: int, value: float = 0.0) -> KerasTensor:
    around = (padding, padding)
    return ops.pad(x, ((0, 0), around, around, (0, 0)), constant_values=value) if padding else x


class Conv(layers.Conv2D):
    """A convolution whose padding is a number on all four sides."""

    def __init__(self, channels: int, filters: int, kernel: int, padding: int, stride: int, **options: Any) -> None:
        # Keras takes no stride beside a dilation: it is taken from the result instead.
        self.around, self.thinning = padding, stride if options["dilation_rate"] > 1 else 1
        super().__init__(filters, kernel, strides=stride // self.thinning, **options)
        self.build((None, None, None, channels))

    def call(self, x: KerasTensor) -> KerasTensor:
        return super().call(padded(x, self.around))[:, :: self.thinning, :: self.thinning]

    def take(self, weight: Any, bias: Any = None) -> None:
        """Weights as PyTorch lays them out: (out, in, height, width)."""
        self.set_weights([weight.transpose(2, 3, 1, 0), *([] if bias is None else [bias])])


class DepthwiseConv(layers.DepthwiseConv2D):
    """A convolution with one filter a channel; its padding is a number on all four sides."""

    def __init__(self, channels: int, kernel: int, padding: int, stride: int, **options: Any) -> None:
        self.around, self.thinning = padding, stride if options["dilation_rate"] > 1 else 1
        super().__init__(kernel, strides=stride // self.thinning, **options)
        self.build((None, None, None, channels))

    def call(self, x: KerasTensor) -> KerasTensor:
        return super().call(padded(x, self.around))[:, :: self.thinning, :: self.thinning]

    def take(self, weight: Any, bias: Any = None) -> None:
        """(channels, 1, height, width) to (height, width, channels, 1)."""
        self.set_weights([weight.transpose(2, 3, 0, 1), *([] if bias is None else [bias])])


def conv(
    channels: int,
    filters: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> layers.Layer:
    options: dict[str, Any] = {"dilation_rate": dilation, "use_bias": bias}
    if groups == channels == filters and groups > 1:
        return DepthwiseConv(channels, kernel, padding, stride, **options)
    return Conv(channels, filters, kernel, padding, stride, groups=groups, **options)


class BatchNorm(layers.BatchNormalization):
    """PyTorch's momentum is the weight of the new statistics, Keras' that of the old ones."""

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(momentum=1 - momentum, epsilon=eps)
        self.build((None, None, None, channels))

    def take(self, weight: Any, bias: Any, running_mean: Any, running_var: Any) -> None:
        self.set_weights([weight, bias, running_mean, running_var])


class Linear(layers.Dense):
    """A linear layer."""

    def __init__(self, features: int, units: int, bias: bool = True) -> None:
        super().__init__(units, use_bias=bias)
        self.build((None, features))

    def take(self, weight: Any, bias: Any = None) -> None:
        self.set_weights([weight.T, *([] if bias is None else [bias])])


class MaxPool(layers.Layer):
    """Padding is never the maximum."""

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.kernel, self.stride, self.around = kernel, stride, padding

    def call(self, x: KerasTensor) -> KerasTensor:
        return ops.max_pool(padded(x, self.around, -float("inf")), self.kernel, self.stride)


class AvgPool(layers.Layer):
    """Padding is not counted: the mean is over the pixels that are there."""

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.kernel, self.stride, self.around = kernel, stride, padding

    def call(self, x: KerasTensor) -> KerasTensor:
        means = self.mean(x)
        return means / self.mean(ops.ones_like(x[:1, :, :, :1])) if self.around else means

    def mean(self, x: KerasTensor) -> KerasTensor:
        return ops.average_pool(padded(x, self.around), self.kernel, self.stride)


def flatten(x: KerasTensor) -> KerasTensor:
    """In PyTorch's order: channels, height, width."""
    channels_first = ops.transpose(x, (0, 3, 1, 2))
    return ops.reshape(channels_first, (ops.shape(x)[0], -1))

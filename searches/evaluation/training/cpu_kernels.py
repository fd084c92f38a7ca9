"""Ways around kernels of torch that are slow on a CPU: while a network trains, the same sums are done sooner."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@contextmanager
def quick_kernels(module: nn.Module) -> Iterator[None]:
    """Computes layers by quicker kernels while it lasts; their gradients stay in channels_last as images are."""
    with ExitStack() as stack:
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                stack.callback(layer.register_forward_hook(_align).remove)
            elif isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size == 1:
                _replace(stack, layer, _mean)
            elif isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) != layer.stride:
                _replace(stack, layer, _thinned(layer))
        yield


def _replace(stack: ExitStack, layer: nn.Module, forward: Callable[[Tensor], Tensor]) -> None:
    layer.forward = forward  # the class keeps its own
    stack.callback(layer.__dict__.pop, "forward")


def _align(layer: nn.Module, inputs: Any, output: Tensor) -> None:
    """A gradient of another memory format goes through a batch norm value by value, twenty times slower.

    Where branches meet there may be one: their gradients are added in the format of whichever comes first.
    """
    if output.requires_grad:
        output.register_hook(_in_channels_last)  # type: ignore[no-untyped-call]


def _in_channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)


def _mean(x: Tensor) -> Tensor:
    """Over all pixels, (N, C, 1, 1). A mean's own gradient is written out in another memory format; a sum's is not."""
    return x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])


def _thinned(layer: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """A 1×1 convolution with a stride: of the pixels that it reads. Steps are a twentieth quicker in the median."""

    def forward(x: Tensor) -> Tensor:
        read = _Thin.apply(x, *layer.stride)  # type: ignore[no-untyped-call]
        return functional.conv2d(read, layer.weight, layer.bias, groups=layer.groups)

    return forward


class _Thin(torch.autograd.Function):
    """Every so many-th row and column; a slice's own gradient would be in another memory format."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: int, columns: int) -> Tensor:
        ctx.shape, ctx.strides = x.shape, (rows, columns)
        return _in_channels_last(x[:, :, ::rows, ::columns])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        rows, columns = ctx.strides
        whole = torch.empty(
            ctx.shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last
        ).zero_()
        whole[:, :, ::rows, ::columns] = gradient
        return whole, None, None

"""Gradients of batch norms, kept in the memory format of their inputs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def aligned_gradients(module: nn.Module) -> Iterator[None]:
    """While it lasts, gradients reach batch norms in channels_last, as the images and all activations are.

    torch's CPU kernel takes a gradient of another format value by value, twenty times slower. Where branches meet there
    may be one: their gradients are added in the format of whichever comes first.
    """
    handles = [each.register_forward_hook(_align) for each in module.modules() if isinstance(each, nn.BatchNorm2d)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _align(layer: nn.Module, inputs: Any, output: Tensor) -> None:
    if output.requires_grad:
        output.register_hook(_in_channels_last)  # type: ignore[no-untyped-call]


def _in_channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)

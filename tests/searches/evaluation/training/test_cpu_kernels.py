"""Quick kernels compute what the layers' own ones do, in the memory format that both want."""

import random

import pytest
import torch
from torch import Tensor, nn

from architectures import spaces
from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, BatchNorm, Conv2d, MaxPool
from architectures.nets.module import GraphModule, build
from searches.evaluation.training.cpu_kernels import quick_kernels
from tests.architectures.networks import head


def in_channels_last(graph: Graph) -> GraphModule:
    return build(graph, 0).to(dtype=torch.float64, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def pictures(side: int = 9) -> Tensor:
    drawn = torch.randn(4, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return drawn.contiguous(memory_format=torch.channels_last)


def look(module: nn.Module, seen: list[bool]) -> None:
    """From now on ``seen`` says of each gradient of its batch norms whether it lies in channels_last."""

    def watch(layer: nn.Module, inputs: object, output: Tensor) -> None:
        assert output.grad_fn is not None
        output.grad_fn.register_prehook(
            lambda gradients: seen.append(gradients[0].is_contiguous(memory_format=torch.channels_last))
        )

    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(watch)


@pytest.mark.parametrize("name", ["chain", "mobile", "cell201"])
@pytest.mark.parametrize("seed", range(8))
def test_outputs_and_gradients_are_those_of_the_layers_own_kernels(name: str, seed: int) -> None:
    space = spaces.create(name, (3, 16, 16), 10)
    graph = space.decode(space.sample(random.Random(seed)))
    own, quick = in_channels_last(graph), in_channels_last(graph)
    images = pictures(16)
    expected = own(images)
    expected.square().mean().backward()
    with quick_kernels(quick):
        found = quick(images)
        found.square().mean().backward()
    torch.testing.assert_close(found, expected)
    for one, other in zip(own.parameters(), quick.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad)


def test_gradients_reach_batch_norms_in_the_format_of_their_inputs() -> None:
    builder = Builder((3, 9, 9))
    x = builder.add("norm", BatchNorm(), builder.add("conv", Conv2d(8), "input"))
    graph = head(builder, builder.add("sum", Add(), builder.add("pool", MaxPool(3, 1, 1), x), x))
    seen: list[bool] = []
    own, quick = in_channels_last(graph), in_channels_last(graph)
    look(own, seen)
    look(quick, seen)
    own(pictures()).square().mean().backward()
    with quick_kernels(quick):
        quick(pictures()).square().mean().backward()
    assert seen == [False, True]


def test_a_global_pool_hands_its_gradient_on_without_writing_it_out() -> None:
    strides: list[tuple[int, ...]] = []
    module = in_channels_last(head(Builder((3, 9, 9)), "input"))
    images = pictures().requires_grad_()
    with quick_kernels(module):
        copied = images * 1
        copied.register_hook(lambda gradient: strides.append(gradient.stride()))  # type: ignore[no-untyped-call]
        module(copied).sum().backward()
    assert strides == [(3, 1, 0, 0)]


def test_afterwards_layers_are_what_they_were() -> None:
    builder = Builder((3, 9, 9))
    x = builder.add("project", Conv2d(8, kernel=1, stride=2, padding=0), "input")
    module = in_channels_last(head(builder, builder.add("norm", BatchNorm(), x)))
    layers = list(module.modules())
    with quick_kernels(module):
        assert sum("forward" in layer.__dict__ for layer in layers) == 2  # the projection and the global pool
        assert sum(len(layer._forward_hooks) for layer in layers) == 1
    assert not any("forward" in layer.__dict__ or layer._forward_hooks for layer in layers)

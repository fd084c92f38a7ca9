"""Gradient checkpointing: the same network, the same gradients, the same running statistics; less memory."""

import pytest
import torch
from torch import nn

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.nets.module import build
from searches.evaluation.training.gradient_checkpointing import Checkpointed, once_of_two, segments, training_bytes
from tests.searches.evaluation.worlds import chain_network, small_network

GRAPHS = [small_network(), *(chain_network(seed) for seed in (3, 5, 8))]


@pytest.mark.parametrize("graph", GRAPHS)
def test_segments_hold_every_node_once(graph: Graph) -> None:
    parts = segments(graph)
    assert [part.start for part in parts] == [1, *(part.end for part in parts[:-1])]
    assert parts[-1].end == len(graph.nodes)


@pytest.mark.parametrize("graph", GRAPHS)
def test_it_computes_what_the_module_computes(graph: Graph) -> None:
    torch.set_num_threads(1)
    images = torch.randn((8, *graph.input_shape), generator=torch.Generator().manual_seed(1))
    results = []
    for is_checkpointed in (False, True):
        module = build(graph, 1).train()
        forward: nn.Module = Checkpointed(module, graph) if is_checkpointed else module
        if is_checkpointed:
            with once_of_two(module):
                forward(images).square().sum().backward()
        else:
            forward(images).square().sum().backward()
        results.append(module)
    plain, least = results
    for name, parameter in plain.named_parameters():
        other = least.get_parameter(name).grad
        assert (parameter.grad is None) == (other is None), name
        if parameter.grad is not None and other is not None:
            assert torch.equal(parameter.grad, other), name
    for name, buffer in plain.named_buffers():
        if not name.endswith("num_batches_tracked"):
            assert torch.allclose(buffer, least.get_buffer(name), atol=1e-6), name
    assert all(layer.momentum == 0.1 for layer in least.modules() if isinstance(layer, nn.BatchNorm2d))


def test_a_deep_network_is_estimated_to_need_less() -> None:
    space = spaces.create("cell201", (3, 32, 32), 10)
    graph = space.decode((3, 3, 3, 3, 3, 3))
    counted = complexity(graph)
    assert training_bytes(graph, counted) < 0.6 * counted.training_peak_bytes

"""The contract of every pass: its result verifies and computes the same; applied twice, it changes nothing more."""

from random import Random

import pytest
import torch
from torch import nn

from architectures.ir.graph import Graph
from architectures.ir.verify import verify
from architectures.nets.module import build
from architectures.spaces import create
from codegen import passes
from codegen.passes.fusion import groups
from tests.codegen.networks import every_primitive, sampled

NETWORKS = [every_primitive(), *(sampled(number) for number in range(6))]


def literal() -> Graph:
    """A cell with its identities, zeros and dead branches."""
    space = create("cell201", (3, 16, 16), 5)
    return space.decode(space.draw(Random(4)), prune=False)


def trained_looking(graph: Graph) -> nn.Module:
    """Statistics as after a training: those of a fresh norm would hide faults."""
    module = build(graph, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                for values in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                    assert values is not None
                    values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
    return module.eval()


@pytest.mark.parametrize("name", passes.names())
@pytest.mark.parametrize("graph", [*NETWORKS, literal()])
def test_it_leaves_a_network_that_verifies_and_computes_the_same(name: str, graph: Graph) -> None:
    made = passes.get(name)()
    result = made.apply(graph)
    verify(result)
    before, after = trained_looking(graph), build(result).eval()
    after.load_state_dict(dict(made.weights(graph, before.state_dict())), strict=True)
    images = torch.randn((4, *graph.input_shape), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = before(images), after(images)
    assert float((found - expected).abs().max()) <= 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("name", passes.names())
@pytest.mark.parametrize("graph", NETWORKS)
def test_applied_twice_it_changes_nothing_more(name: str, graph: Graph) -> None:
    once = passes.get(name)().apply(graph)
    assert passes.get(name)().apply(once) == once


@pytest.mark.parametrize("name", passes.names())
def test_it_never_grows_a_network_nor_touches_its_argument(name: str) -> None:
    graph = every_primitive()
    assert len(passes.get(name)().apply(graph).nodes) <= len(graph.nodes)
    assert graph == every_primitive()
    assert passes.get(name).title


def test_every_batch_norm_is_fused_or_says_why_not() -> None:
    for graph in NETWORKS:
        norms = [node.name for node in graph.nodes if node.primitive.kind == "BatchNorm"]
        assert [group.norm for group in groups(graph)] == norms
    graph = create("cell201", (3, 16, 16), 5).decode((3, 0, 0, 0, 0, 3))
    reasons = {group.norm: group.reason for group in groups(graph) if group.reason}
    assert set(reasons) == {"head.norm"}
    assert reasons["head.norm"].endswith("which is no convolution")

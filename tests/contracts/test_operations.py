"""Every registered operation, examined unasked."""

import pytest
import torch

from architectures import operations
from architectures.ir import compact, json
from architectures.ir.builder import Builder
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.ir.primitives import Flatten, GlobalAvgPool, Linear
from architectures.ir.verify import verify
from architectures.nets.module import build
from tests.architectures.torch_counts import assert_counts_equal

CASES = [(16, 16, 1), (16, 32, 1), (16, 16, 2), (16, 32, 2), (32, 16, 1)]
SIDES = (5, 8)


def network(name: str, before: int, after: int, stride: int, side: int, *, literal: bool = False) -> Graph:
    """The operation between an input and a head."""
    builder = Builder((before, side, side), literal=literal)
    with builder.scope("layer"):
        x = operations.get(name)().expand(builder, "input", after, stride)
    assert builder.shape(x) == (after, -(-side // stride), -(-side // stride))
    with builder.scope("head"):
        x = builder.add("pool", GlobalAvgPool(), x)
        x = builder.add("flatten", Flatten(), x)
        builder.add("linear", Linear(3), x)
    return builder.build()


@pytest.fixture(params=operations.names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_eight_operations_of_the_chain_and_those_of_cells_are_there():
    wanted = {"conv3x3", "conv5x5", "depthwise_conv", "sep_conv3x3", "dil_conv3x3", "max_pool", "avg_pool"}
    assert wanted | {"skip_connect", "none", "conv1x1", "mbconv"} <= set(operations.names())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("side", SIDES)
def test_it_verifies_and_counts_as_torch_counts(name: str, case: tuple[int, int, int], side: int):
    for literal in (False, True):
        graph = network(name, *case, side, literal=literal)
        verify(graph)
        counts = complexity(graph)
        assert_counts_equal(graph, counts.params, counts.macs)


@pytest.mark.parametrize("case", CASES)
def test_it_survives_both_forms_of_json(name: str, case: tuple[int, int, int]):
    graph = network(name, *case, side=8)
    assert json.loads(json.dumps(graph)) == graph
    assert compact.loads(compact.dumps(graph)) == graph


def test_it_runs_forward_and_backward(name: str):
    module = build(network(name, 16, 32, 2, side=8), seed=1)
    images = torch.randn(3, 16, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    module(images).square().sum().backward()
    gradients = [parameter.grad for parameter in module.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_every_expansion_uses_the_same_inner_names(name: str):
    """A later use of an operation may add a projection, but never renames what it has in common."""
    nodes = [
        {node.name: node.primitive.kind for node in network(name, *case, side=8, literal=True).nodes} for case in CASES
    ]
    for first in nodes:
        for second in nodes:
            assert all(first[key] == second[key] for key in first.keys() & second.keys())

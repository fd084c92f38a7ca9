"""Inherited weights: what parent and child share is copied, wherever it moved to."""

from random import Random

import pytest
import torch

from architectures import spaces
from architectures.nets.module import build
from searches.evaluation.training.weight_inheritance import inherit, shared_layers
from tests.searches.evaluation.worlds import chain_network, small_network

CHAIN = spaces.create("chain", (1, 8, 8), 10)


def test_an_equal_network_takes_everything_over() -> None:
    graph = chain_network(5)
    parent, child = build(graph, 1), build(graph, 2)
    assert inherit(child, graph, graph, parent.state_dict()) == 1.0
    assert all(torch.equal(value, parent.state_dict()[name]) for name, value in child.state_dict().items())


@pytest.mark.parametrize("seed", range(12))
def test_shared_layers_fit_and_keep_their_order(seed: int) -> None:
    genotype = CHAIN.sample(Random(seed))
    parent, child = CHAIN.decode(genotype), CHAIN.decode(CHAIN.mutate(genotype, Random(seed)).genotype)
    pairs = shared_layers(child, parent)
    places = [[node.name for node in parent.nodes].index(name) for name in pairs.values()]
    assert places == sorted(set(places))
    module = build(child, 1)
    weights = build(parent, 2).state_dict()
    share = inherit(module, child, parent, weights)
    assert 0 <= share <= 1
    for mine, theirs in pairs.items():
        for name, value in module.get_submodule(mine).state_dict().items():
            assert torch.equal(value, weights[f"{theirs}.{name}"])


def test_a_layer_that_is_put_in_front_moves_no_weights() -> None:
    child, parent = small_network(channels=8), small_network(channels=8)
    longer = CHAIN.decode(CHAIN.sample(Random(1)))
    assert shared_layers(child, parent) == {"conv": "conv", "norm": "norm", "linear": "linear"}
    assert all(mine == theirs for mine, theirs in shared_layers(longer, longer).items())


def test_a_wider_layer_is_learnt_anew() -> None:
    narrow, wide = small_network(channels=8), small_network(channels=16)
    assert inherit(build(wide, 1), wide, narrow, build(narrow, 2).state_dict()) == 0

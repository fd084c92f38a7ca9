"""Shared weights: every network of a space trains on slices of one set."""

from random import Random

import pytest
import torch

from architectures.nets.module import build
from architectures.nets.supernet_shared import SharedWeights
from architectures.spaces import Space, create

SPACES = [
    create("chain", (1, 8, 8), 4, max_layers=4, widths=[16, 32]),
    create("mobile", (1, 8, 8), 4, max_depth=2),
    create("cell201", (1, 8, 8), 4, channels=4),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_network_has_the_shapes_of_its_own_and_its_training_moves_the_shared_weights(space: Space):
    shared = SharedWeights(seed=1)
    images = torch.randn(4, *space.input_shape, generator=torch.Generator().manual_seed(1))
    for number in range(8):
        graph = space.decode(space.sample(Random(number)))
        module, keys = shared.network(graph)
        own = build(graph)
        assert {name: value.shape for name, value in module.state_dict().items()} == {
            name: value.shape for name, value in own.state_dict().items()
        }
        module(images).square().sum().backward()
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None
            with torch.no_grad():
                parameter.add_(1.0)
            whole = shared.tensors[keys[name]][tuple(slice(size) for size in parameter.shape)]
            assert torch.equal(whole, parameter)


def test_what_was_learnt_stays_when_a_weight_grows():
    space = create("chain", (1, 8, 8), 4, max_layers=2, widths=[16, 32], operations=["conv3x3"], max_skips=0)
    narrow, wide = (space.decode(genotype) for genotype in ((0, 0, 0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0)))
    shared = SharedWeights(seed=1)
    first, keys = shared.network(narrow)
    learnt = {name: parameter.detach().clone() for name, parameter in first.named_parameters()}
    shared.network(wide)
    again, _ = shared.network(narrow)
    assert all(torch.equal(parameter, learnt[name]) for name, parameter in again.named_parameters())
    assert shared.tensors[keys["stem.conv.weight"]].shape == (32, 1, 3, 3)


def test_kinds_of_convolutions_are_kept_apart_and_equal_seeds_start_equal():
    space = create("chain", (1, 8, 8), 4, max_layers=2, widths=[16], operations=["conv3x3", "dil_conv3x3"], max_skips=0)
    graphs = [space.decode((0, 0, choice, 0, 0, 0, 0, 0)) for choice in (0, 1)]
    shared, again = SharedWeights(seed=1), SharedWeights(seed=1)
    keys = [shared.network(graph)[1]["stage1.layer1.conv.weight"] for graph in graphs]
    assert keys == ["stage1.layer1.conv.weight:3:1:dense", "stage1.layer1.conv.weight:3:2:dense"]
    for graph in graphs:
        again.network(graph)
    assert all(torch.equal(value, again.tensors[key]) for key, value in shared.tensors.items())

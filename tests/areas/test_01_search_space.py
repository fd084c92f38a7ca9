"""Area 1: every point of every search space is a network that can be built, counted, written down and read again."""

from random import Random

import pytest

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.json import dumps, loads
from architectures.ir.verify import verify


@pytest.mark.parametrize("name", spaces.names())
def test_a_random_network_is_verified_counted_and_read_back_as_it_was(name: str) -> None:
    space = spaces.create(name, (3, 32, 32), 10)
    for seed in range(20):
        graph = space.decode(space.sample(Random(seed)))
        verify(graph)
        counted = complexity(graph)
        assert counted.flops == 2 * counted.macs
        assert counted.params > 0
        assert loads(dumps(graph)) == graph


@pytest.mark.parametrize("name", spaces.names())
def test_every_mutation_is_another_network_of_the_space(name: str) -> None:
    space, random = spaces.create(name, (3, 32, 32), 10), Random(7)
    for _ in range(30):
        parent = space.sample(random)
        child = space.mutate(parent, random).genotype
        assert space.canonical(child) == child
        assert fingerprint(space.decode(child)) != fingerprint(space.decode(parent))


def test_the_chain_offers_the_eight_operations_of_the_specification() -> None:
    chosen = {
        "conv3x3", "conv5x5", "depthwise_conv", "max_pool", "avg_pool", "skip_connect", "sep_conv3x3", "dil_conv3x3",
    }  # fmt: skip
    space = spaces.create("chain", (1, 8, 8), 10)
    assert {
        choice for decision in space.decisions if "operation" in decision.name for choice in decision.choices
    } == chosen


@pytest.mark.parametrize("name", spaces.names())
def test_a_child_of_two_parents_is_seldom_one_of_them(name: str) -> None:
    space, random = spaces.create(name, (3, 32, 32), 10), Random(5)
    mixed = 0
    for _ in range(30):
        mother, father = space.sample(random), space.sample(random)
        mixed += space.crossover(mother, father, random).genotype not in (mother, father)
    assert mixed > 20


def test_a_child_of_two_parents_takes_its_decisions_from_them() -> None:
    space, random = spaces.create("chain", (3, 32, 32), 10), Random(5)
    of_father = 0
    for _ in range(30):
        mother, father = space.sample(random), space.sample(random)
        child = space.crossover(mother, father, random).genotype
        inherited = zip(mother, father, child, space.relevant(child), strict=True)
        assert all(value in (first, second) for first, second, value, matters in inherited if matters)
        of_father += sum(value == second != first for first, second, value in zip(mother, father, child, strict=True))
    assert of_father > 30

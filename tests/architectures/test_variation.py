"""Mutation changes exactly what its words say; crossover keeps blocks whole; limits always hold."""

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.verify import verify
from architectures.spaces import Genotype, Space
from architectures.spaces.chain import Chain, Layer, Stage
from architectures.spaces.limits import PRESETS, Limits

SPACES = [
    spaces.create("chain", (1, 8, 8), 10),
    spaces.create("chain", (3, 32, 32), 10, min_layers=1, max_layers=20, skip_reach=5),
    spaces.create("chain", (3, 32, 32), 10, operations=("conv3x3", "max_pool"), widths=(24, 48, 96), max_skips=1),
    spaces.create("cell201", (3, 32, 32), 10, cells=1),
    spaces.create("mobile", (3, 32, 32), 10),
]
space_strategy = st.sampled_from(SPACES)
seed_strategy = st.integers(0, 2**32)
CHANGE = re.compile(r"(?P<name>\S+): (?P<old>\S+) → (?P<new>\S+)")
LAYER = re.compile(r"(?P<what>insert|delete) stage(?P<stage>\d+)\.layer(?P<layer>\d+): (?P<op>\w+), skip (?P<skip>\S+)")


def said(space: Space, parent: Genotype, words: str) -> Genotype:
    """The parent with the change made by hand that the words tell; `in CODE` is an equal way to write the parent."""
    if written := re.fullmatch(r"(.*) in (\d{6})", words):
        literal = tuple(map(int, written[2]))
        assert space.canonical(literal) == parent
        return said(space, literal, written[1])
    if match := CHANGE.fullmatch(words):
        index = space.index[match["name"]]
        choices = space.decisions[index].choices
        assert choices[parent[index]] == match["old"]
        return (*parent[:index], choices.index(match["new"]), *parent[index + 1 :])
    match = LAYER.fullmatch(words)
    assert match, words
    assert isinstance(space, Chain)
    stages = space.read(parent)
    stage, place = int(match["stage"]) - 1, int(match["layer"]) - 1
    layer = Layer(space.operations.index(match["op"]), space._skip_names.index(match["skip"]))
    layers = list(stages[stage].layers)
    if match["what"] == "insert":
        layers.insert(place, layer)
    else:
        assert layers.pop(place) == layer
    stages[stage] = Stage(stages[stage].width, tuple(layers))
    return space.write(stages)


@given(space_strategy, seed_strategy, seed_strategy)
@settings(deadline=None, max_examples=150)
def test_a_mutation_changes_exactly_what_its_words_say(space: Space, seed: int, other: int):
    parent = space.sample(Random(seed))
    child = space.mutate(parent, Random(other))
    assert child.genotype == space.canonical(said(space, parent, child.change)) != parent
    verify(space.decode(child.genotype))


@given(space_strategy, seed_strategy, st.floats(0.01, 1))
@settings(deadline=None, max_examples=60)
def test_a_mutation_with_a_rate_tells_every_change(space: Space, seed: int, rate: float):
    parent = space.sample(Random(seed))
    child = space.mutate(parent, Random(seed + 1), rate=rate)
    told = parent
    for words in child.change.split("; "):
        told = said(space, told, words)
    assert child.genotype == space.canonical(told) != parent


@given(space_strategy, seed_strategy, seed_strategy)
@settings(deadline=None, max_examples=150)
def test_a_crossover_takes_whole_blocks_and_says_which(space: Space, seed: int, other: int):
    mother, father = space.sample(Random(seed)), space.sample(Random(other))
    child = space.crossover(mother, father, Random(seed ^ other))
    if mother == father:
        assert child == (mother, "no block of the parents could be exchanged")
        return
    taken = child.change.removesuffix(" of the second parent").split(", ")
    expected = list(mother)
    for index, decision in enumerate(space.decisions):
        if decision.block in taken or decision.block.partition(".")[0] in taken:
            expected[index] = father[index]
    assert child.genotype == space.canonical(expected)
    verify(space.decode(child.genotype))


@given(space_strategy, seed_strategy, st.sampled_from(sorted(PRESETS)))
@settings(deadline=None, max_examples=60)
def test_a_constrained_sample_always_keeps_its_limits(space: Space, seed: int, preset: str):
    limits = PRESETS[preset]
    genotype = space.sample(Random(seed), limits)
    assert limits.violations(complexity(space.decode(genotype))) == ()


@given(space_strategy, seed_strategy)
@settings(deadline=None, max_examples=100)
def test_costs_without_decoding_are_those_of_the_graph(space: Space, seed: int):
    genotype = space.sample(Random(seed))
    counted = complexity(space.decode(genotype))
    assert space.costs(genotype) == (counted.params, counted.macs)


def test_insertions_and_deletions_shift_the_layers_behind_them():
    space = SPACES[0]
    assert isinstance(space, Chain)
    parent = space.sample(Random(1))
    words = {space.mutate(parent, Random(seed)).change.partition(" ")[0] for seed in range(60)}
    assert {"insert", "delete"} <= words


def test_equal_parents_have_nothing_to_exchange():
    parent = SPACES[0].sample(Random(1))
    assert SPACES[0].crossover(parent, parent, Random(2)).change == "no block of the parents could be exchanged"


@pytest.mark.parametrize("space", SPACES)
def test_a_crossover_differs_from_its_first_parent_nearly_always(space: Space):
    same = 0
    for seed in range(100):
        mother, father = space.sample(Random(seed)), space.sample(Random(seed + 1000))
        same += space.crossover(mother, father, Random(seed)).genotype == mother
    assert same <= 3


def test_limits_name_value_and_bound():
    counted = complexity(SPACES[0].decode(SPACES[0].sample(Random(1))))
    limits = Limits(max_params=10, max_flops=10, max_memory_bytes=10, min_params=10**9, max_latency_ms=1)
    assert limits.violations(counted, latency_ms=2.5) == (
        f"{counted.params:,} parameters exceed 10",
        f"{counted.flops:,} FLOPs exceed 10",
        f"{counted.activation_peak_bytes:,} bytes of activations exceed 10",
        f"{counted.params:,} parameters are fewer than 1,000,000,000",
        "2.5 ms exceed 1 ms",
    )
    assert Limits().violations(counted, latency_ms=2.5) == ()

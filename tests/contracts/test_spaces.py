"""Every registered search space, examined unasked."""

import json as plain_json
from itertools import count
from random import Random

import pytest

from architectures import spaces
from architectures.ir import compact, json
from architectures.ir.complexity import complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.verify import verify
from architectures.spaces import Space, SpaceError, Variation
from tests.architectures.torch_counts import assert_counts_equal

INPUTS = [((1, 8, 8), 10), ((3, 32, 32), 100), ((3, 224, 224), 1000)]
ROUNDS = 30


@pytest.fixture(params=spaces.names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=INPUTS, ids=lambda each: "x".join(map(str, each[0])))
def space(name: str, request: pytest.FixtureRequest) -> Space:
    return spaces.create(name, *request.param)


def test_samples_verify_and_count_as_torch_counts(space: Space):
    for number in range(3):
        graph = space.decode(space.sample(Random(number)))
        verify(graph)
        assert graph.input_shape == space.input_shape
        assert graph.classes == space.classes
        counts = complexity(graph)
        assert_counts_equal(graph, counts.params, counts.macs)


def test_samples_survive_both_forms_of_json(space: Space):
    for number in range(ROUNDS):
        graph = space.decode(space.sample(Random(number)))
        assert json.loads(json.dumps(graph)) == graph
        assert compact.loads(compact.dumps(graph)) == graph


def test_a_canonical_genotype_stands_for_itself_and_for_the_same_network(space: Space):
    for number in range(ROUNDS):
        drawn = space.draw(Random(number))
        canonical = space.canonical(drawn)
        assert space.canonical(canonical) == canonical
        assert fingerprint(space.decode(drawn)) == fingerprint(space.decode(canonical))


def test_the_literal_network_is_the_pruned_one_with_more_nodes(space: Space):
    for number in range(ROUNDS):
        genotype = space.sample(Random(number))
        pruned, literal = space.decode(genotype), space.decode(genotype, prune=False)
        verify(literal)
        assert len(literal.nodes) >= len(pruned.nodes)


def test_it_repeats_under_its_seed(space: Space):
    first, second = space.sample(Random("7/1")), space.sample(Random("7/2"))
    assert space.sample(Random("7/1")) == first
    assert space.mutate(first, Random(3)) == space.mutate(first, Random(3))
    assert space.crossover(first, second, Random(3)) == space.crossover(first, second, Random(3))


def test_one_mutation_changes_the_network_by_one_change_and_says_which(space: Space):
    for number in range(ROUNDS):
        parent = space.sample(Random(number))
        child = space.mutate(parent, Random(number))
        assert child.genotype == space.canonical(child.genotype) != parent
        assert child.change
        assert ";" not in child.change
        verify(space.decode(child.genotype))


def test_a_rate_changes_several_decisions(space: Space):
    parent = space.sample(Random(1))
    child = space.mutate(parent, Random(2), rate=0.9)
    assert isinstance(child, Variation)
    assert "; " in child.change
    assert child.genotype != parent
    with pytest.raises(SpaceError, match=r"rate must be above 0 and at most 1, but is 1\.5"):
        space.mutate(parent, Random(2), rate=1.5)


def test_children_of_two_parents_verify(space: Space):
    for number in range(ROUNDS):
        first, second = space.sample(Random(number)), space.sample(Random(number + 1000))
        child = space.crossover(first, second, Random(number))
        verify(space.decode(child.genotype))
        assert child.change.endswith("of the second parent")


def test_a_genotype_has_a_short_word_and_a_readable_one(space: Space):
    for number in range(ROUNDS):
        genotype = space.sample(Random(number))
        word = space.encode(genotype)
        assert len(word.encode()) <= 64
        assert space.parse(word) == genotype
        assert space.describe(genotype)
    with pytest.raises(SpaceError, match="genotype must be 1 to 64 of 0-9, A-Z, a-z, but is '-'"):
        space.parse("-")
    with pytest.raises(SpaceError, match=f"genotype must be a word of {space.name} with these options"):
        space.parse("z" * 64)


def test_its_options_give_the_same_space_again(space: Space):
    again = plain_json.loads(plain_json.dumps(space.options))
    assert spaces.create(space.name, space.input_shape, space.classes, **again) == space


def test_its_decisions_have_distinct_names_and_choices(space: Space):
    names = [decision.name for decision in space.decisions]
    assert len(set(names)) == len(names)
    assert all(len(set(decision.choices)) == len(decision.choices) > 0 for decision in space.decisions)
    assert all(decision.name.startswith(decision.block) for decision in space.decisions)
    assert space.size > 1


def test_it_refuses_a_genotype_out_of_range(space: Space):
    genotype = list(space.sample(Random(0)))
    with pytest.raises(SpaceError, match=f"genotype must have {len(genotype)} decisions, but has 1"):
        space.decode((0,))
    genotype[0] = 99
    rule = f"genotype must have 0 to {len(space.decisions[0].choices) - 1} at {space.decisions[0].name}, but has 99"
    with pytest.raises(SpaceError, match=rule):
        space.decode(genotype)


def test_it_says_why_an_input_does_not_fit(name: str):
    with pytest.raises(SpaceError, match=r"^(input_shape|stages) must .*\d") as refused:
        spaces.create(name, (1, 1, 1), 10)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_it_refuses_unknown_options(name: str):
    with pytest.raises(SpaceError, match=f"colour is no option of {name}; known are "):
        spaces.create(name, (1, 8, 8), 10, colour="red")


def test_equal_fingerprints_are_equal_genotypes_nearly_always(space: Space):
    """The canonical genotype is what keeps a search from training one network twice."""
    seen: dict[str, tuple[int, ...]] = {}
    repeated = 0
    for number in count():
        genotype = space.sample(Random(number))
        mark = fingerprint(space.decode(genotype))
        repeated += seen.setdefault(mark, genotype) != genotype
        if number == 60:
            break
    assert repeated == 0

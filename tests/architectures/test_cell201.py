"""cell201 against the published table."""

from itertools import product
from random import Random

import pytest

from architectures.ir.fingerprint import fingerprint
from architectures.spaces import SpaceError, create
from architectures.spaces.cell201 import code, first_codes
from tests.architectures.examination import TABLE, table, wrong_counts

SPACE = create("cell201", (3, 32, 32), 10, cells=5)


@pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is not there; NASPORTAL_TRUTH_DATA names its folder")
@pytest.mark.slow
def test_a_tenth_of_the_table_is_counted_to_its_printed_digits():
    """`make bench` counts all 15,625."""
    assert wrong_counts(table()[::10]) == []


def test_codes_are_those_of_the_paper():
    genotype = (3, 1, 0, 4, 2, 1)
    assert code(genotype) == "310421"
    words = "|conv3x3~0|+|skip_connect~0|none~1|+|avg_pool~0|conv1x1~1|skip_connect~2|"
    assert SPACE.describe(genotype) == words


def test_equal_cells_have_one_code_and_unlike_cells_unlike_fingerprints():
    space = create("cell201", (3, 8, 8), 10, cells=1)
    some = Random(1).sample(list(product(range(5), repeat=6)), 400)
    canonical = {space.canonical(genotype) for genotype in some}
    assert len({fingerprint(space.decode(genotype)) for genotype in canonical}) == len(canonical)
    for genotype in some:
        literal, pruned = space.decode(genotype, prune=False), space.decode(genotype)
        if space.canonical(genotype) != (0,) * 6:  # all that lead nowhere are one
            assert fingerprint(literal) == fingerprint(pruned)


def test_there_are_5260_distinct_cells():
    """The paper's strings tell 6,466 apart. Without the terms that are zero these are 5,390; with sums of sums as one
    sum, 4,930. And one convolution that is read twice is not two with weights of their own, as those strings have it:
    5,260."""
    assert len(first_codes()) == 5_260


def test_a_walk_by_mutations_does_not_get_stuck():
    """By single changes of the canonical code, whose dead edges are all none, 30 steps visited six networks."""
    for seed in range(3):
        genotype, seen = SPACE.canonical((0,) * 6), set()
        for step in range(300):
            genotype = SPACE.mutate(genotype, Random(f"{seed}/{step}")).genotype
            seen.add(genotype)
        assert len(seen) > 150


EQUAL = [
    ((3, 0, 0, 0, 1, 0), (0, 3, 0, 0, 0, 1), "a node that only passes on has no number"),
    ((3, 1, 2, 1, 0, 0), (0, 0, 0, 1, 0, 0), "what does not reach the last node does not count"),
    ((0, 0, 3, 1, 0, 0), (0, 0, 0, 1, 0, 0), "what does not come from the first node does not count"),
    ((4, 4, 0, 0, 1, 1), (4, 0, 1, 0, 1, 1), "two equal pools are one"),
]


@pytest.mark.parametrize(("first", "second", "why"), EQUAL)
def test_it_knows_equal_cells(first: tuple[int, ...], second: tuple[int, ...], why: str):
    assert SPACE.canonical(first) == SPACE.canonical(second), why


def test_it_keeps_two_convolutions_apart_from_one_that_is_used_twice():
    assert SPACE.canonical((3, 3, 0, 0, 1, 1)) != SPACE.canonical((3, 0, 1, 0, 1, 1))


def test_odd_sides_meet_too():
    graph = create("cell201", (1, 9, 11), 10).decode((3, 1, 2, 1, 0, 4))
    assert graph.classes == 10
    with pytest.raises(SpaceError, match="input_shape must be at least 5×5 for three stages, but has 4 pixels"):
        create("cell201", (1, 4, 4), 10)

"""A tenth of the long examination; `make bench` runs all of it."""

from typing import Any

import pytest

from architectures.spaces import Space
from tests.architectures import examination

CASES = list(examination.cases())


def dear(case: Space) -> Any:
    """Chains are quick to build; a hundred networks of the other spaces take seconds."""
    return case if case.name == "chain" else pytest.param(case, marks=pytest.mark.slow)


@pytest.fixture(params=CASES, ids=examination.title)
def space(request: pytest.FixtureRequest) -> Space:
    return request.param


@pytest.mark.parametrize("space", [dear(case) for case in CASES], ids=examination.title, indirect=True)
def test_a_hundred_architectures_verify_round_trip_and_count_as_torch_counts(space: Space):
    assert examination.count(space, share=0.1) == 100


def test_ten_architectures_run_forward_and_backward(space: Space):
    assert examination.run(space, share=0.1) >= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "space", [case for case in CASES if case.input_shape[1] == 32], ids=examination.title, indirect=True
)
def test_the_counted_memory_is_what_torch_allocates(space: Space):
    inference, training = examination.memory(space, share=0.1)
    assert inference == pytest.approx([1] * 5, rel=0.05)
    assert training == pytest.approx([1] * 5, rel=0.05)

"""Dominance, hypervolume and choice: small cases by hand, laws by random points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searches.pareto import (
    ChoiceError,
    SelectionRule,
    contributions,
    crowding,
    front,
    fronts,
    hypervolume,
    knee,
    ranks,
    select_best,
)

points = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 9).map(float), min_size=width, max_size=width), min_size=1, max_size=20
    )
)


def dominates(first: list[float], second: list[float]) -> bool:
    return all(a <= b for a, b in zip(first, second, strict=True)) and first != second


@given(points)
def test_the_front_is_what_nothing_dominates(losses: list[list[float]]) -> None:
    expected = [i for i, one in enumerate(losses) if not any(dominates(other, one) for other in losses)]
    assert front(losses) == expected


@given(points)
def test_fronts_peel_the_points_layer_by_layer(losses: list[list[float]]) -> None:
    left = list(range(len(losses)))
    for layer in fronts(losses):
        assert layer == [left[index] for index in front([losses[index] for index in left])]
        left = [index for index in left if index not in layer]
    assert left == []


@given(points, st.data())
def test_hypervolume_never_falls_when_a_point_is_added(losses: list[list[float]], data: st.DataObject) -> None:
    width = len(losses[0])
    more = data.draw(st.lists(st.integers(0, 9).map(float), min_size=width, max_size=width))
    reference = [10.0] * width
    assert hypervolume([*losses, more], reference) >= hypervolume(losses, reference) - 1e-9


@given(points)
def test_a_contribution_is_what_the_volume_loses(losses: list[list[float]]) -> None:
    reference = [10.0] * len(losses[0])
    whole = hypervolume(losses, reference)
    without = [whole - hypervolume(losses[:i] + losses[i + 1 :], reference) for i in range(len(losses))]
    assert contributions(losses, reference) == pytest.approx(without, abs=1e-6)


def test_nothing_has_no_front_and_no_volume() -> None:
    assert front([]) == []
    assert fronts([]) == []
    assert hypervolume([], [1.0, 1.0]) == 0.0


def test_a_loss_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="must be finite; leave failed candidates out"):
        ranks([[1.0, float("nan")]])


def test_crowding_by_hand() -> None:
    found = crowding([[0.0, 4.0], [1.0, 2.0], [4.0, 0.0], [2.0, 1.0]])
    assert np.isinf(found[[0, 2]]).all()
    assert found[[1, 3]] == pytest.approx([2 / 4 + 3 / 4, 3 / 4 + 2 / 4])


def entry(number: int, fingerprint: str, **values: float) -> dict[str, object]:
    return {"number": number, "fingerprint": fingerprint, "values": values}


FRONT = [
    entry(1, "c", accuracy=0.90, latency=1.0, params=10.0),
    entry(2, "b", accuracy=0.96, latency=2.0, params=10.0),
    entry(3, "a", accuracy=0.98, latency=6.0, params=10.0),
]


@pytest.mark.parametrize(
    ("weights", "number"),
    [
        ({"accuracy": 1.0}, 3),
        ({"latency": 1.0}, 1),
        ({"accuracy": 0.7, "latency": 0.3}, 2),
        ({"accuracy": 9, "params": 1}, 3),
    ],
)
def test_weights_choose_by_scaled_values(weights: dict[str, float], number: int) -> None:
    assert select_best(FRONT, **weights)["number"] == number


def test_a_tie_goes_to_the_smallest_fingerprint() -> None:
    assert select_best(FRONT, params=1.0)["fingerprint"] == "a"


def test_the_knee_is_where_both_are_nearly_best() -> None:
    assert knee(FRONT, ["accuracy", "latency", "params"])["number"] == 2


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"accuracy": -1.0}, "a weight must be 0 or above, but one is accuracy=-1"),
        ({"accuracy": float("nan")}, "a weight must be 0 or above, but one is accuracy=nan"),
        ({"accuracy": 0.0, "latency": 0.0}, "every weight is 0; at least one must be above 0"),
        ({}, "every weight is 0"),
        ({"speed": 1.0}, "a weight names 'speed', which was not measured"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ChoiceError, match=message):
        select_best(FRONT, **weights)


def test_an_empty_front_has_no_choice() -> None:
    with pytest.raises(ChoiceError, match="the front is empty"):
        select_best([], accuracy=1.0)


def test_the_front_is_not_changed_by_choosing() -> None:
    before = [dict(each) for each in FRONT]
    select_best(FRONT, accuracy=1.0)
    assert before == FRONT


@pytest.mark.parametrize("text", ["knee", "vote", "weights:accuracy=0.7,latency=0.3"])
def test_a_choice_is_written_as_it_is_read(text: str) -> None:
    assert str(SelectionRule.parse(text)) == text


@pytest.mark.parametrize("text", ["", "weights", "weights:", "weights:accuracy", "weights:accuracy=high", "best"])
def test_another_text_is_no_choice(text: str) -> None:
    with pytest.raises(ChoiceError):
        SelectionRule.parse(text)

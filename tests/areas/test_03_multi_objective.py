"""Area 3: dominance, hypervolume and choice, held against what can be worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searches.pareto import ChoiceError, crowding, front, hypervolume, ranks, select_best

POINTS = st.lists(st.tuples(*[st.floats(0, 1, allow_nan=False)] * 3), min_size=1, max_size=30)


@given(POINTS)
def test_nothing_dominates_a_point_of_the_front(points: list[tuple[float, ...]]) -> None:
    chosen = [points[index] for index in front(points)]
    for point in chosen:
        assert not any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)


@given(POINTS, st.tuples(*[st.floats(0, 1, allow_nan=False)] * 3))
def test_the_hypervolume_never_falls_when_a_point_is_added(
    points: list[tuple[float, ...]], extra: tuple[float, ...]
) -> None:
    reference = (1.0, 1.0, 1.0)
    assert hypervolume([*points, extra], reference) >= hypervolume(points, reference) - 1e-12


def test_ranks_and_hypervolume_are_those_of_the_drawing() -> None:
    points = [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0), (3.0, 3.0)]
    assert list(ranks(points)) == [0, 0, 0, 1]
    assert hypervolume(points, (4.0, 4.0)) == pytest.approx(6.0)


def test_weights_choose_the_point_that_they_favour() -> None:
    def entry(number: int, accuracy: float, latency: float) -> dict[str, object]:
        return {"number": number, "fingerprint": str(number), "values": {"accuracy": accuracy, "latency": latency}}

    entries = [entry(0, 0.90, 1.0), entry(1, 0.97, 2.0), entry(2, 0.98, 9.0)]
    assert select_best(entries, accuracy=1.0)["number"] == 2
    assert select_best(entries, latency=1.0)["number"] == 0
    assert select_best(entries, accuracy=0.5, latency=0.5)["number"] == 1
    assert select_best(entries, accuracy=0.95, latency=0.05)["number"] == 2
    assert select_best(entries, accuracy=0.05, latency=0.95)["number"] == 0
    with pytest.raises(ChoiceError, match="every weight is 0"):
        select_best(entries, accuracy=0.0)


def test_crowding_is_the_half_perimeter_of_the_box_between_the_neighbours() -> None:
    distances = crowding([(0.0, 4.0), (1.0, 3.0), (3.0, 1.0), (4.0, 0.0)])
    assert list(distances[[0, 3]]) == [float("inf"), float("inf")]
    assert list(distances[[1, 2]]) == [pytest.approx(1.5), pytest.approx(1.5)]

"""Extrapolated learning curves: close, with an interval that holds, and refused where nothing is known."""

from random import Random

import pytest

from searches.evaluation.curves import (
    Beginning,
    CurveError,
    CurveExtrapolator,
    Row,
    calibration,
    convergence_epochs,
    extrapolate,
)

EPOCHS = 12


def annealed(seed: int) -> list[Row]:
    """A curve as an annealed training makes it: the loss tells the quality, accuracy jumps until the rate falls."""
    draw = Random(seed)
    quality = draw.uniform(0, 1)
    curve = []
    for epoch in range(1, EPOCHS + 1):
        loss = 1.2 - 0.3 * quality - 0.04 * epoch + draw.gauss(0, 0.01)
        calm = epoch / EPOCHS
        accuracy = 0.75 + 0.1 * quality + 0.05 * calm - abs(draw.gauss(0, 0.15)) * (1 - calm) + draw.gauss(0, 0.003)
        curve.append((epoch, loss, accuracy))
    return curve


def test_it_is_close_and_its_interval_holds() -> None:
    curves = [annealed(seed) for seed in range(80)]
    found = calibration([(Beginning(curve[:3]), curve[-1][2]) for curve in curves])
    assert found.epochs == 3
    assert found.curves == 80
    assert found.median_error < 0.015
    assert 0.7 <= found.inside <= 0.9


def test_what_is_known_of_the_network_helps() -> None:
    curves = {seed: annealed(seed) for seed in range(60)}
    quality = {seed: Random(seed).uniform(0, 1) for seed in curves}
    alone, informed = (
        calibration([(Beginning(curve[:2], (quality[seed],)[:known]), curve[-1][2]) for seed, curve in curves.items()])
        for known in (0, 1)
    )
    assert informed.median_error < alone.median_error


def test_beginnings_of_several_lengths_are_not_mixed() -> None:
    past = [(Beginning(annealed(seed)[:3]), 0.8) for seed in range(10)]
    with pytest.raises(CurveError, match="must have the same epochs"):
        CurveExtrapolator([*past, (Beginning(annealed(1)[:2]), 0.8)])
    with pytest.raises(CurveError, match="must have 3 epochs, but has 2"):
        CurveExtrapolator(past)(Beginning(annealed(1)[:2]))


def test_a_network_that_converges_sooner_has_fewer_epochs() -> None:
    steep = [(1, 1.0, 0.9), (2, 0.5, 0.9)]
    slow = [(1, 1.0, 0.2), (2, 0.5, 0.9)]
    assert convergence_epochs(steep) == pytest.approx(0.95)
    assert convergence_epochs(slow) == pytest.approx(1 + (0.855 - 0.2) / 0.7, abs=1e-3)
    assert convergence_epochs([(1, 1.0, 0.0)]) == 1


def test_a_better_beginning_gives_a_better_end() -> None:
    past = [annealed(seed) for seed in range(30)]
    good = extrapolate([(1, 0.9, 0.6), (2, 0.85, 0.7), (3, 0.8, 0.8)], past)
    bad = extrapolate([(1, 1.2, 0.5), (2, 1.15, 0.6), (3, 1.1, 0.7)], past)
    assert good.accuracy > bad.accuracy
    assert good.low <= good.accuracy <= good.high <= 1
    assert good.past == 30


def test_a_higher_level_gives_a_wider_interval() -> None:
    past = [annealed(seed) for seed in range(30)]
    narrow, wide = (extrapolate(annealed(99)[:4], past, level) for level in (0.5, 0.9))
    assert wide.high - wide.low > narrow.high - narrow.low
    assert wide.accuracy == narrow.accuracy


@pytest.mark.parametrize(
    ("known", "past", "message"),
    [
        (1, 20, "needs at least 2 epochs, but has 1"),
        (3, 7, "needs 8 completed curves of the schedule, but has 7"),
        (12, 20, "has all of its 12 epochs; its last accuracy is measured"),
    ],
)
def test_it_refuses(known: int, past: int, message: str) -> None:
    with pytest.raises(CurveError, match=message):
        extrapolate(annealed(99)[:known], [annealed(seed) for seed in range(past)])


def test_curves_of_several_schedules_are_not_mixed() -> None:
    past = [annealed(seed)[: EPOCHS - seed % 2] for seed in range(20)]
    with pytest.raises(CurveError, match="must be of one schedule"):
        extrapolate(annealed(99)[:3], past)

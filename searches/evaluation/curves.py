"""Learning curves: the final accuracy foretold from a part of the curve, with an interval.

Trainings here are annealed: accuracy leaps when the rate falls, so families of rising curves (Domhan et al. 2015) miss
the end by 5 to 14 points. What tells is the training loss, read against completed curves of the same schedule: a ridge
regression on them, with the interval from errors on curves that each fit had left out. An extrapolation is never a
measured accuracy, and without enough completed curves there is none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_EPOCHS = 2
LEAST_PAST = 8  # completed curves; with fewer the interval is a guess
RIDGE = 1.0  # in standardised features

Row = tuple[int, float, float]  # epoch, training loss, validation accuracy
Curve = Sequence[Row]
Array = NDArray[np.float64]


class CurveError(ValueError):
    """A curve from which nothing can be foretold; the message says what is missing."""


@dataclass(frozen=True)
class Extrapolation:
    """Accuracy at the last epoch: the middle, and the interval that holds the truth in ``level`` of the cases."""

    accuracy: float
    low: float
    high: float
    level: float
    past: int  # completed curves that it was learnt from


@dataclass(frozen=True)
class Calibration:
    """How extrapolations from the first ``epochs`` epochs fared on completed curves that they had not seen."""

    curves: int
    epochs: int
    median_error: float
    inside: float  # share of the truths within the interval
    level: float


def extrapolate(known: Curve, past: Sequence[Curve], level: float = 0.8) -> Extrapolation:
    """``known`` is the beginning of a curve, ``past`` whole curves of one schedule (its epochs, its rates)."""
    epochs = len(known)
    if epochs < LEAST_EPOCHS:
        raise CurveError(f"an extrapolation needs at least {LEAST_EPOCHS} epochs, but has {epochs}")
    if len({len(curve) for curve in past}) > 1:
        raise CurveError("the completed curves must be of one schedule, but differ in their epochs")
    if len(past) < LEAST_PAST:
        raise CurveError(f"an extrapolation needs {LEAST_PAST} completed curves of the schedule, but has {len(past)}")
    if epochs >= len(past[0]):
        raise CurveError(f"the curve has all of its {len(past[0])} epochs; its last accuracy is measured")
    table = np.array([features(curve[:epochs]) for curve in past])
    finals = np.array([curve[-1][2] for curve in past])
    middle = fitted(table, finals, features(known))
    half = half_width(left_out_errors(table, finals), level)
    low, middle, high = (min(1.0, max(0.0, value)) for value in (middle - half, middle, middle + half))
    return Extrapolation(middle, low, high, level, len(past))


def convergence_epochs(curve: Curve, share: float = 0.95) -> float:
    """Epochs until the accuracy first had ``share`` of its final value, between two epochs in proportion.

    The smaller, the sooner a network has learnt what it will; it ranks networks of one schedule.
    """
    wanted = share * curve[-1][2]
    before = (0, 0.0)
    for epoch, _, accuracy in curve:
        if accuracy >= wanted:
            rise = accuracy - before[1]
            return round(before[0] + (epoch - before[0]) * ((wanted - before[1]) / rise if rise > 0 else 1.0), 3)
        before = (epoch, accuracy)
    raise AssertionError("the last accuracy is above its own share")


def features(known: Curve) -> Array:
    """The last training loss and the best accuracy so far: single accuracies jump while the rate is high."""
    return np.array([known[-1][1], max(accuracy for _, _, accuracy in known)])


def fitted(table: Array, finals: Array, row: Array) -> float:
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = (table - mean) / deviation
    slopes = np.linalg.solve(scaled.T @ scaled + RIDGE * np.eye(table.shape[1]), scaled.T @ (finals - finals.mean()))
    return float(finals.mean() + (row - mean) / deviation @ slopes)


def left_out_errors(table: Array, finals: Array) -> Array:
    errors = []
    for index in range(len(finals)):
        others = np.arange(len(finals)) != index
        errors.append(abs(fitted(table[others], finals[others], table[index]) - finals[index]))
    return np.array(errors)


def half_width(errors: Array, level: float) -> float:
    """The quantile of conformal prediction: one more than the sample, as the truth to come is one more."""
    rank = min(len(errors), math.ceil((len(errors) + 1) * level))
    return float(np.sort(errors)[rank - 1])


def calibration(curves: Sequence[Curve], epochs: int, level: float = 0.8) -> Calibration:
    """Each curve is foretold from its first ``epochs`` epochs with all the others as the past."""
    errors, inside = [], 0
    for index, curve in enumerate(curves):
        found = extrapolate(curve[:epochs], [*curves[:index], *curves[index + 1 :]], level)
        errors.append(abs(found.accuracy - curve[-1][2]))
        inside += found.low <= curve[-1][2] <= found.high
    return Calibration(len(curves), epochs, float(np.median(errors)), inside / len(curves), level)

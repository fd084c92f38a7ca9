"""Learning curves: the final accuracy extrapolated from a part of the curve, with an interval.

Trainings here are annealed: accuracy leaps when the rate falls, so families of rising curves (Domhan et al. 2015)
miss the end by 5 to 14 points. What predicts is the training loss, read against completed curves of the same
schedule: a ridge regression on them, with the interval from errors on curves that each fit had left out. What is
known of the networks themselves (logarithm of the parameters, synflow) halves the error where it is given. An
extrapolation is never a measured accuracy, and without enough completed curves there is none.
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
    """A curve from which nothing can be extrapolated; the message says what is missing."""


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


@dataclass(frozen=True)
class Beginning:
    """The first epochs of the full training, or a short training of its own (a rung of a ladder); ``facts`` are of the
    network, in one order for all."""

    curve: Curve
    facts: tuple[float, ...] = ()

    def features(self) -> Array:
        """Returns the last training loss, the best accuracy so far and the facts, (features,).

        Single accuracies jump while the rate is high.
        """
        return np.array([self.curve[-1][1], max(accuracy for _, _, accuracy in self.curve), *self.facts])


class CurveExtrapolator:
    """Learnt from the beginnings of some networks and the accuracies that they reached in the end."""

    def __init__(self, past: Sequence[tuple[Beginning, float]], level: float = 0.8) -> None:
        if len(past) < LEAST_PAST:
            wanted = f"{LEAST_PAST} completed curves of the schedule"
            raise CurveError(f"an extrapolation needs {wanted}, but has {len(past)}")
        self.epochs = len(past[0][0].curve)
        if not self.epochs or any(len(known.curve) != self.epochs for known, _ in past):
            raise CurveError("all beginnings must have the same epochs, at least one")
        self.level = level
        self.table = np.array([known.features() for known, _ in past])
        self.finals = np.array([final for _, final in past])
        self.half = half_width(left_out_errors(self.table, self.finals), level)

    def __call__(self, known: Beginning) -> Extrapolation:
        if len(known.curve) != self.epochs:
            raise CurveError(f"the curve must have {self.epochs} epochs, but has {len(known.curve)}")
        middle = fitted(self.table, self.finals, known.features())
        low, middle, high = (min(1.0, max(0.0, value)) for value in (middle - self.half, middle, middle + self.half))
        return Extrapolation(middle, low, high, self.level, len(self.finals))


def extrapolate(known: Curve, past: Sequence[Curve], level: float = 0.8) -> Extrapolation:
    """Extrapolates ``known``, the beginning of a curve, from ``past``, whole curves of one schedule (its epochs, its
    rates).

    Raises CurveError where the curve is too short or complete, or the past ones differ in their epochs.
    """
    epochs = len(known)
    if epochs < LEAST_EPOCHS:
        raise CurveError(f"an extrapolation needs at least {LEAST_EPOCHS} epochs, but has {epochs}")
    if len({len(curve) for curve in past}) > 1:
        raise CurveError("the completed curves must be of one schedule, but differ in their epochs")
    if past and epochs >= len(past[0]):
        raise CurveError(f"the curve has all of its {len(past[0])} epochs; its last accuracy is measured")
    return CurveExtrapolator([(Beginning(curve[:epochs]), curve[-1][2]) for curve in past], level)(Beginning(known))


def convergence_epochs(curve: Curve, share: float = 0.95) -> float:
    """Returns the epochs until the accuracy first had ``share`` of its final value, interpolated between two epochs.

    The smaller, the sooner a network has learnt what it will; it ranks networks of one schedule. Raises AssertionError
    where the share is above 1.
    """
    wanted = share * curve[-1][2]
    before = (0, 0.0)
    for epoch, _, accuracy in curve:
        if accuracy >= wanted:
            rise = accuracy - before[1]
            return round(before[0] + (epoch - before[0]) * ((wanted - before[1]) / rise if rise > 0 else 1.0), 3)
        before = (epoch, accuracy)
    raise AssertionError("the last accuracy is above its own share")


def fitted(table: Array, finals: Array, row: Array) -> float:
    """Predicts the final accuracy of `row` (features,) by ridge regression.

    `table` is (curves, features), `finals` (curves,).
    """
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    scaled = (table - mean) / deviation
    slopes = np.linalg.solve(scaled.T @ scaled + RIDGE * np.eye(table.shape[1]), scaled.T @ (finals - finals.mean()))
    return float(finals.mean() + (row - mean) / deviation @ slopes)


def left_out_errors(table: Array, finals: Array) -> Array:
    """Returns each curve's error, (curves,), predicted from the others; `table` is (curves, features)."""
    errors = []
    for index in range(len(finals)):
        others = np.arange(len(finals)) != index
        errors.append(abs(fitted(table[others], finals[others], table[index]) - finals[index]))
    return np.array(errors)


def half_width(errors: Array, level: float) -> float:
    """Returns the conformal quantile of errors (curves,).

    It counts one more than the sample, as the truth to come is one more.
    """
    rank = min(len(errors), math.ceil((len(errors) + 1) * level))
    return float(np.sort(errors)[rank - 1])


def calibration(ends: Sequence[tuple[Beginning, float]], level: float = 0.8) -> Calibration:
    """Each end is extrapolated with all the others as the past."""
    errors, inside = [], 0
    for index, (known, truth) in enumerate(ends):
        found = CurveExtrapolator([*ends[:index], *ends[index + 1 :]], level)(known)
        errors.append(abs(found.accuracy - truth))
        inside += found.low <= truth <= found.high
    return Calibration(len(ends), len(ends[0][0].curve), float(np.median(errors)), inside / len(ends), level)

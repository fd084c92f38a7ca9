"""Fits a target's time model to measurements taken on the device: seconds a kernel and seconds a unit of work, by kind.

The uncalibrated roofline takes its constants from data sheets. A calibration replaces them by non-negative least
squares over a short set of measured networks, weighted so that relative errors count, and reports how far held-out
predictions were from the truth. Its predictions are still estimates, with a known error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from architectures.ir.complexity import Complexity, complexity
from architectures.ir.graph import Graph
from profiling.meters.kernels import kernels

LEAST_MEASUREMENTS = 10
FOLDS = 5
REWEIGHTINGS = 10
SMALL_ERROR = 0.02  # errors below are all alike
MOST_ITERATIONS = 30  # per coefficient
CLEARLY = 0.005  # a runtime is taken for one that does not fold, as few do not, when it is better by this much

Array = NDArray[np.float64]


class CalibrationError(ValueError):
    """Measurements that nothing can be fitted to."""


@dataclass(frozen=True)
class Measurement:
    graph: Graph
    milliseconds: float


@dataclass(frozen=True)
class Fit:
    """Predicted against measured, each network predicted by a fit that had not seen it."""

    spearman: float
    median_error: float  # share of the measured value
    measurements: int
    points: tuple[tuple[float, float], ...] = ()  # measured and predicted milliseconds

    @property
    def merit(self) -> float:
        return self.spearman - self.median_error


@dataclass(frozen=True)
class Calibration:
    """Milliseconds for each feature; ``fuses`` says whether norms and activations fold into convolutions."""

    coefficients: Mapping[str, float]
    fuses: bool
    fit: Fit

    def milliseconds(self, graph: Graph, counted: Complexity | None = None) -> float:
        found = features(graph, self.fuses, counted)
        return sum(self.coefficients.get(name, 0.0) * amount for name, amount in found.items())

    def to_document(self) -> dict[str, Any]:
        return {"coefficients": dict(self.coefficients), "fuses": self.fuses, "fit": self.fit.__dict__}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Calibration":
        points = tuple((float(truth), float(guess)) for truth, guess in document["fit"]["points"])
        return cls(document["coefficients"], document["fuses"], Fit(**{**document["fit"], "points": points}))


def calibrate(measurements: Sequence[Measurement], fuses: bool | None = None) -> Calibration:
    """Fits a device's constants. Raises CalibrationError where measurements are too few or not above 0 ms.

    With ``fuses`` None it takes whichever of both runtimes predicts held-out networks better, in ranks and in size.
    Errors alone hardly separate one runtime from the other where a few kinds of cells are all there is: of 100 cells
    measured on a Raspberry Pi 4 (NAS-Bench-201's columns) the ranks do, in every draw that was tried.
    """
    if len(measurements) < LEAST_MEASUREMENTS:
        raise CalibrationError(
            f"a calibration needs at least {LEAST_MEASUREMENTS} networks, but has {len(measurements)}"
        )
    if not all(np.isfinite(each.milliseconds) and each.milliseconds > 0 for each in measurements):
        raise CalibrationError("every measured latency must be above 0; leave out what could not be measured")
    if fuses is not None:
        return fitted(measurements, fuses)
    folded, plain = fitted(measurements, True), fitted(measurements, False)
    return plain if plain.fit.merit > folded.fit.merit + CLEARLY else folded


def fitted(measurements: Sequence[Measurement], fuses: bool) -> Calibration:
    rows = [features(each.graph, fuses) for each in measurements]
    names = sorted({name for row in rows for name in row})
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    measured = np.array([each.milliseconds for each in measurements])
    predicted = held_out(table, measured)
    fit = Fit(
        spearman(predicted, measured),
        float(np.median(np.abs(predicted - measured) / measured)),
        len(measurements),
        tuple((float(truth), float(guess)) for truth, guess in zip(measured, predicted, strict=True)),
    )
    return Calibration(dict(zip(names, map(float, relative_fit(table, measured)), strict=True)), fuses, fit)


def features(graph: Graph, fuses: bool, counted: Complexity | None = None) -> dict[str, float]:
    """Returns how many kernels of each kind run, and how much they do: bytes, and multiply-adds where there are any."""
    found = {"run": 1.0}
    for kernel in kernels(graph, counted or complexity(graph), fuses):
        amounts = {"kernels": 1.0, "bytes": float(kernel.bytes_moved), "macs": float(kernel.macs)}
        for name, amount in amounts.items():
            if amount:
                found[f"{kernel.kind}.{name}"] = found.get(f"{kernel.kind}.{name}", 0.0) + amount
    return found


def held_out(table: Array, measured: Array) -> Array:
    """Predicts each network's milliseconds (networks,) from a fit to the other folds; `table` is (networks, terms)."""
    predicted = np.empty_like(measured)
    fold = np.arange(len(measured)) % FOLDS
    for number in range(FOLDS):
        seen = fold != number
        predicted[~seen] = table[~seen] @ relative_fit(table[seen], measured[seen])
    return predicted


def relative_fit(table: Array, measured: Array) -> Array:
    """Fits coefficients (terms,) by least absolute relative errors, reweighted: one odd network must not bend the rest.

    `table` is (networks, terms), `measured` (networks,) in milliseconds.
    """
    scale, weight = measured, np.ones(len(measured))
    for _ in range(REWEIGHTINGS):
        rows = np.sqrt(weight) / scale
        found = non_negative_least_squares(table * rows[:, None], measured * rows)
        predicted = table @ found
        # By the larger one of both: twice as much and half as much are equally wrong, and no error exceeds 1.
        scale = np.maximum(measured, predicted)
        weight = 1 / np.maximum(np.abs(predicted - measured) / scale, SMALL_ERROR)
    return found


def non_negative_least_squares(table: Array, wanted: Array) -> Array:
    """Returns the coefficients (columns,) above or at 0 by which table (rows, columns) comes nearest to wanted (rows,).

    No time is negative, so no coefficient may be. Raises CalibrationError where no solution is found.
    """
    from scipy.optimize import nnls

    norms = np.linalg.norm(table, axis=0)
    norms[norms == 0] = 1.0
    try:
        found, _ = nnls(table / norms, wanted, maxiter=MOST_ITERATIONS * table.shape[1])
    except RuntimeError as error:
        raise CalibrationError(f"nothing can be fitted to these measurements: {error}") from error
    return np.asarray(found / norms)


def spearman(first: Array, second: Array) -> float:
    """Returns the rank correlation of two arrays (networks,); ties share the mean of their ranks."""
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)

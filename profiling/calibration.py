"""Fits a target's time model to measurements taken on the device: seconds a kernel and seconds a unit of work, by kind.

The uncalibrated roofline takes its constants from data sheets. A calibration replaces them by non-negative least
squares over a short set of measured networks, weighted so that relative errors count, and reports how far held-out
predictions were from the truth. Its predictions are still estimates, with a known error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from architectures.ir.complexity import Complexity, complexity
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Add, AvgPool, Concat, Conv2d, GlobalAvgPool, Linear, MaxPool, Multiply
from profiling.meters.roofline import fused_nodes

LEAST_MEASUREMENTS = 10
FOLDS = 5
REWEIGHTINGS = 10
SMALL_ERROR = 0.02  # errors below are all alike
TOLERANCE = 1e-10

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


@dataclass(frozen=True)
class Calibration:
    """Milliseconds for each feature; ``fuses`` says whether norms and activations fold into convolutions."""

    coefficients: Mapping[str, float]
    fuses: bool
    fit: Fit

    def milliseconds(self, graph: Graph, counted: Complexity | None = None) -> float:
        found = features(graph, self.fuses, counted)
        return sum(self.coefficients.get(name, 0.0) * amount for name, amount in found.items())

    def to_document(self) -> dict[str, object]:
        return {"coefficients": dict(self.coefficients), "fuses": self.fuses, "fit": self.fit.__dict__}


def calibrate(measurements: Sequence[Measurement], fuses: bool) -> Calibration:
    if len(measurements) < LEAST_MEASUREMENTS:
        raise CalibrationError(
            f"a calibration needs at least {LEAST_MEASUREMENTS} networks, but has {len(measurements)}"
        )
    if not all(np.isfinite(each.milliseconds) and each.milliseconds > 0 for each in measurements):
        raise CalibrationError("every measured latency must be above 0; leave out what could not be measured")
    rows = [features(each.graph, fuses) for each in measurements]
    names = sorted({name for row in rows for name in row})
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    measured = np.array([each.milliseconds for each in measurements])
    predicted = held_out(table, measured)
    fit = Fit(
        spearman(predicted, measured), float(np.median(np.abs(predicted - measured) / measured)), len(measurements)
    )
    return Calibration(dict(zip(names, map(float, relative_fit(table, measured)), strict=True)), fuses, fit)


def features(graph: Graph, fuses: bool, counted: Complexity | None = None) -> dict[str, float]:
    """How many kernels of each kind run, and how much they do: multiply-adds where there are any, else bytes."""
    counted = counted or complexity(graph)
    fused = fused_nodes(graph) if fuses else frozenset()
    found = {"run": 1.0}
    for node in graph.nodes:
        cost = counted.by_name[node.name]
        if node.name in fused or not cost.bytes_moved:
            continue
        kind = kind_of(node, graph)
        found[f"{kind}.kernels"] = found.get(f"{kind}.kernels", 0.0) + 1
        found[f"{kind}.bytes"] = found.get(f"{kind}.bytes", 0.0) + cost.bytes_moved
        if cost.macs:
            found[f"{kind}.macs"] = found.get(f"{kind}.macs", 0.0) + cost.macs
    return found


def kind_of(node: Node, graph: Graph) -> str:
    """Kernels that libraries write apart: a 3×3 convolution has other tricks than a 1×1."""
    primitive = node.primitive
    if isinstance(primitive, Conv2d):
        if primitive.groups > 1 and primitive.groups == graph.node(node.inputs[0]).shape[0]:
            return "depthwise"
        return "pointwise" if primitive.kernel == 1 else "dilated" if primitive.dilation > 1 else "dense"
    if isinstance(primitive, (MaxPool, AvgPool, GlobalAvgPool)):
        return "pool"
    if isinstance(primitive, (Add, Multiply, Concat)):
        return "merge"
    return "linear" if isinstance(primitive, Linear) else "elementwise"


def held_out(table: Array, measured: Array) -> Array:
    predicted = np.empty_like(measured)
    fold = np.arange(len(measured)) % FOLDS
    for number in range(FOLDS):
        seen = fold != number
        predicted[~seen] = table[~seen] @ relative_fit(table[seen], measured[seen])
    return predicted


def relative_fit(table: Array, measured: Array) -> Array:
    """Least absolute relative errors, by reweighting: one network that a device treats oddly must not bend the rest."""
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
    """The active-set method of Lawson and Hanson (1974, chapter 23); no time is negative, so no coefficient may be."""
    norms = np.linalg.norm(table, axis=0)
    columns = table / np.where(norms > 0, norms, 1.0)
    found, is_free = np.zeros(table.shape[1]), np.zeros(table.shape[1], dtype=bool)
    for _ in range(3 * table.shape[1]):
        gradient = np.where(is_free, -np.inf, columns.T @ (wanted - columns @ found))
        if gradient.max() <= TOLERANCE:
            break
        is_free[gradient.argmax()] = True
        while True:
            best = np.zeros(len(found))
            best[is_free] = np.linalg.lstsq(columns[:, is_free], wanted, rcond=None)[0]
            falling = is_free & (best <= 0)
            if not falling.any():
                break
            share = (found[falling] / np.maximum(found[falling] - best[falling], TOLERANCE)).min()
            found = found + share * (best - found)
            is_free &= found > TOLERANCE
            found[~is_free] = 0.0
        found = best
    return np.asarray(found / np.where(norms > 0, norms, 1.0))


def spearman(first: Array, second: Array) -> float:
    """Rank correlation; ties share the mean of their ranks."""
    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


def ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])

"""Calibration: finds a device's constants again, ranks unseen networks, and is not bent by one odd measurement."""

import csv
import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from architectures import spaces
from architectures.ir.graph import Graph
from profiling import targets
from profiling.calibration import (
    Calibration,
    CalibrationError,
    Measurement,
    calibrate,
    features,
    non_negative_least_squares,
    spearman,
)
from profiling.meters.roofline import predict
from tests.searches.evaluation.worlds import small_network

TABLE = Path(__file__).parents[3] / "shared/data/nasbench201.csv.gz"
DEVICE = replace(targets.create("phone"), dense_share=0.2, depthwise_share=0.02, kernel_overhead_s=30e-6)


def networks(count: int) -> list[Graph]:
    space = spaces.create("chain", (1, 8, 8), 10)
    return [space.decode(space.sample(random.Random(seed))) for seed in range(count)]


def measured(graphs: list[Graph], noise: float = 0.02) -> list[Measurement]:
    """By a device that is a roofline with other constants than any target's."""
    draw = random.Random(0)
    return [
        Measurement(graph, predict(graph, DEVICE).milliseconds * draw.uniform(1 - noise, 1 + noise)) for graph in graphs
    ]


def test_it_predicts_networks_that_it_has_not_seen() -> None:
    graphs = networks(80)
    calibration = calibrate(measured(graphs[:50]), fuses=True)
    predicted = np.array([calibration.milliseconds(graph) for graph in graphs[50:]])
    truth = np.array([predict(graph, DEVICE).milliseconds for graph in graphs[50:]])
    assert spearman(predicted, truth) > 0.95
    assert np.median(np.abs(predicted - truth) / truth) < 0.1
    assert calibration.fit.spearman > 0.9
    assert calibration.fit.median_error < 0.15
    assert calibration.fit.measurements == 50


def test_one_odd_measurement_does_not_bend_the_rest() -> None:
    graphs = networks(50)
    rows = measured(graphs, noise=0.0)
    rows[7] = replace(rows[7], milliseconds=rows[7].milliseconds / 20)
    calibration = calibrate(rows, fuses=True)
    errors = [abs(calibration.milliseconds(each.graph) / each.milliseconds - 1) for each in rows]
    assert np.median(errors) < 0.05


def test_no_coefficient_is_negative() -> None:
    calibration = calibrate(measured(networks(20), noise=0.3), fuses=True)
    assert min(calibration.coefficients.values()) >= 0


def test_least_squares_find_a_known_answer() -> None:
    table = np.random.default_rng(0).uniform(0, 1, (50, 4))
    truth = np.array([0.5, 0.0, 2.0, 1.0])
    assert non_negative_least_squares(table, table @ truth) == pytest.approx(truth, abs=1e-12)
    assert non_negative_least_squares(table, table @ np.array([1.0, -1.0, 1.0, 1.0])).min() >= 0


def test_least_squares_keep_the_conditions_of_an_optimum() -> None:
    """Holds the optimum: a coefficient above 0 has a flat error, and more of one at 0 would raise it."""
    for seed in range(100):
        generator = np.random.default_rng(seed)
        table = generator.random((30, 6)) * 10.0 ** generator.integers(0, 8, 6)
        wanted = generator.normal(0.5, 1, 30)
        scales = np.linalg.norm(table, axis=0)
        found = non_negative_least_squares(table, wanted)
        gradient = (table / scales).T @ (wanted - table @ found)
        assert gradient.max() < 1e-12
        assert np.abs(gradient * found * scales).max() < 1e-12


def test_features_count_kernels_and_work() -> None:
    found = features(small_network(), fuses=True)
    assert (found["dense.kernels"], found["dense.macs"], found["linear.macs"]) == (1, 8 * 9 * 64, 80)
    assert "elementwise.kernels" not in found
    assert features(small_network(), fuses=False)["elementwise.kernels"] == 2


def test_too_few_or_broken_measurements_are_refused() -> None:
    with pytest.raises(CalibrationError, match="needs at least 10 networks, but has 9"):
        calibrate(measured(networks(9)), fuses=True)
    broken = [*measured(networks(10)), Measurement(small_network(), 0.0)]
    with pytest.raises(CalibrationError, match="must be above 0"):
        calibrate(broken, fuses=True)


def test_spearman_knows_ties_and_order() -> None:
    assert spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == pytest.approx(1)
    assert spearman(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert spearman(np.array([1.0, 1, 2]), np.array([1.0, 1, 3])) == pytest.approx(1)


def test_spearman_is_the_correlation_of_mean_ranks() -> None:
    for seed in range(100):
        first, second = np.random.default_rng(seed).integers(0, 9, (2, 40)).astype(float)
        ranks = [[(values < each).sum() + (values == each).sum() / 2 for each in values] for values in (first, second)]
        assert spearman(first, second) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-12)


def test_a_runtime_that_does_not_fuse_is_found_out() -> None:
    graphs = networks(60)
    eager = [Measurement(graph, 0.02 * features(graph, fuses=False)["elementwise.kernels"] + 0.1) for graph in graphs]
    assert not calibrate(eager).fuses
    assert calibrate(measured(graphs)).fuses


def test_a_calibration_is_read_back_from_its_document() -> None:
    calibration = calibrate(measured(networks(12)), fuses=True)
    assert Calibration.from_document(json.loads(json.dumps(calibration.to_document()))) == calibration


CELLS = [("lat_raspi4", 2.0, "raspberry_pi_4"), ("lat_pixel3", 1.2, "phone"), ("lat_titan_rtx_1", 0.0, "gpu")]


def cells(column: str, degenerate_ms: float, count: int) -> tuple[list[Graph], list[float]]:
    """Measured cells as they ran: the literal networks, whose dead branches and zeros a runtime treats in its way."""
    with gzip.open(TABLE, "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if float(row[column]) > degenerate_ms]
    random.Random(0).shuffle(rows)
    space = spaces.create("cell201", (3, 32, 32), 10)
    graphs = [space.decode(tuple(int(digit) for digit in row["code"]), prune=False) for row in rows[:count]]
    return graphs, [float(row[column]) for row in rows[:count]]


@pytest.mark.skipif(not TABLE.exists(), reason="the table of measured latencies is not part of the project")
@pytest.mark.parametrize(("column", "degenerate_ms", "name"), CELLS)
def test_presets_and_calibrations_rank_measured_cells(column: str, degenerate_ms: float, name: str) -> None:
    graphs, milliseconds = cells(column, degenerate_ms, 300)
    target = targets.create(name)
    preset = np.array([predict(graph, target).seconds for graph in graphs])
    assert spearman(preset, np.array(milliseconds)) > 0.85
    pairs = zip(graphs[:100], milliseconds[:100], strict=True)
    calibration = calibrate([Measurement(graph, value) for graph, value in pairs])
    assert calibration.fuses == target.fuses
    predicted = np.array([calibration.milliseconds(graph) for graph in graphs[100:]])
    assert spearman(predicted, np.array(milliseconds[100:])) > 0.93

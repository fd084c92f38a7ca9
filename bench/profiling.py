"""How far measured and estimated figures are to be trusted: repeated, calibrated, against published tables.

NASPORTAL_BENCH_PARTS=repeated_alone,repeated_busy,chains,cells,arena picks parts.
"""

import csv
import gzip
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from architectures import spaces
from architectures.ir.graph import Graph
from codegen.frameworks.c import fused, program
from profiling import targets
from profiling.calibration import Measurement, calibrate, spearman
from profiling.meters.backends import module_of
from profiling.meters.latency import latency, runner, timed
from profiling.meters.memory import in_place_peak
from profiling.meters.roofline import predict

TABLE = Path(__file__).parents[2] / "shared/data/nasbench201.csv.gz"
CELLS = (("lat_raspi4", 2.0, "raspberry_pi_4"), ("lat_pixel3", 1.2, "phone"), ("lat_titan_rtx_1", 0.0, "gpu"))
PASSES, ARCHITECTURES = 5, 20
CALIBRATED_ON, PREDICTED = 50, 200
BUSY = "while True: sum(range(100000))"


def run() -> dict[str, Any]:
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "repeated_alone": repeated_alone,
        "repeated_busy": repeated_busy,
        "chains": chains,
        "cells": cells,
        "arena": arena,
    }
    wanted = os.environ.get("NASPORTAL_BENCH_PARTS", ",".join(parts)).split(",")
    return {name: parts[name]() for name in wanted}


def chain(seed: int) -> Graph:
    space = spaces.create("chain", (3, 32, 32), 10)
    return space.decode(space.sample(random.Random(seed)))


def repeated_alone() -> dict[str, Any]:
    """Acceptance 1: five passes over 20 networks."""
    load = os.getloadavg()[0]
    modules = [(module_of(graph), graph.input_shape) for graph in map(chain, range(ARCHITECTURES))]
    passes = [[one(*each) for each in modules] for _ in range(PASSES)]
    return {
        "load_at_the_start": round(load, 1),
        "slowed_median": round(statistics.median(each.slowed for row in passes for each in row), 2),
        "corrected": agreement([[each.corrected for each in row] for row in passes]),
        "p50": agreement([[each.p50 for each in row] for row in passes]),
        "mean_of_100_runs": agreement([[each.mean for each in row] for row in passes]),
    }


def repeated_busy() -> dict[str, Any]:
    """The same beside a process that never rests."""
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        return repeated_alone()
    finally:
        busy.kill()
        busy.wait()


class Measured(NamedTuple):
    """Corrected, raw median, and what one would do by hand."""

    corrected: float
    p50: float
    mean: float
    slowed: float


def one(module: Any, shape: tuple[int, ...]) -> Measured:
    reading = latency(module, shape)
    run_once = runner(module, shape)
    mean = statistics.fmean(timed(run_once) for _ in range(100))
    p50, slowed = (float(str(reading.details[name])) for name in ("raw_p50_ms", "slowed_by"))
    return Measured(float(reading.value), p50, mean, slowed)


def agreement(passes: list[list[float]]) -> dict[str, float]:
    variation = [statistics.stdev(each) / statistics.fmean(each) for each in zip(*passes, strict=True)]
    taus = [tau(first, second) for first, second in combinations(passes, 2)]
    return {
        "variation_median": round(statistics.median(variation), 4),
        "variation_most": round(max(variation), 4),
        "tau_least": round(min(taus), 3),
        "tau_mean": round(statistics.fmean(taus), 3),
    }


def tau(first: list[float], second: list[float]) -> float:
    """Kendall's rank correlation."""
    signs = [
        np.sign(first[left] - first[right]) * np.sign(second[left] - second[right])
        for left, right in combinations(range(len(first)), 2)
    ]
    return float(np.mean(signs))


def chains() -> dict[str, Any]:
    """Acceptance 2: calibrated on 50 networks, held against 200 others."""
    started = time.perf_counter()
    graphs = [chain(seed) for seed in range(CALIBRATED_ON + PREDICTED)]
    measured = np.array([float(latency(module_of(graph), graph.input_shape, 0.4).value) for graph in graphs])
    seconds = time.perf_counter() - started
    pairs = zip(graphs[:CALIBRATED_ON], measured, strict=False)
    calibration = calibrate([Measurement(graph, float(value)) for graph, value in pairs], fuses=False)
    others, truth = graphs[CALIBRATED_ON:], measured[CALIBRATED_ON:]
    predicted = np.array([calibration.milliseconds(graph) for graph in others])
    preset = np.array([predict(graph, targets.create("this_machine")).milliseconds for graph in others])
    return {
        "calibrated": fit(predicted, truth),
        "uncalibrated": fit(preset, truth),
        "told_by_cross_validation": round(calibration.fit.spearman, 4),
        "measuring_seconds": round(seconds),
    }


def fit(predicted: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> dict[str, float]:
    return {
        "spearman": round(spearman(predicted, truth), 4),
        "median_error": round(float(np.median(np.abs(predicted - truth) / truth)), 4),
        "networks": len(truth),
    }


def cells() -> dict[str, Any]:
    """Acceptance 3: published latencies of literal cells; five draws of the 100 rows."""
    if not TABLE.exists():
        return {"skipped": f"{TABLE} is not there"}
    with gzip.open(TABLE, "rt") as lines:
        rows = list(csv.DictReader(lines))
    random.Random(0).shuffle(rows)
    rows = rows[: int(os.environ.get("NASPORTAL_BENCH_ROWS", "3000"))]
    space = spaces.create("cell201", (3, 32, 32), 10)
    graphs = [space.decode(tuple(map(int, row["code"])), prune=False) for row in rows]
    return {column: column_of(rows, graphs, column, least, name) for column, least, name in CELLS}


def column_of(rows: list[dict[str, str]], graphs: list[Graph], column: str, least: float, name: str) -> dict[str, Any]:
    kept = [(graph, float(row[column])) for row, graph in zip(rows, graphs, strict=True) if float(row[column]) > least]
    truth = np.array([value for _, value in kept])
    preset = np.array([predict(graph, targets.create(name)).seconds for graph, _ in kept])
    found = []
    for seed in range(5):
        order = random.Random(seed).sample(range(len(kept)), len(kept))
        calibration = calibrate([Measurement(*kept[index]) for index in order[:100]])
        rest = order[100:]
        found.append(fit(np.array([calibration.milliseconds(kept[index][0]) for index in rest]), truth[rest]))
    return {
        "uncalibrated_spearman": round(spearman(preset, truth), 4),
        "calibrated_spearman_least": min(each["spearman"] for each in found),
        "calibrated_median_error_most": max(each["median_error"] for each in found),
        "rows": len(kept),
    }


def arena() -> dict[str, Any]:
    """Acceptance 6: the counted peak against the C99 export's arena."""
    from tests.codegen.networks import sampled

    pairs = []
    for number in range(200):
        header, _ = program(fused(sampled(number)))
        bytes_printed = int(header.split("MODEL_ARENA_BYTES", 1)[1].split()[0])
        pairs.append((max(4, in_place_peak(sampled(number))), bytes_printed))
    return {
        "networks": len(pairs),
        "equal": sum(counted == printed for counted, printed in pairs),
        "arena_over_counted_most": round(max(printed / counted for counted, printed in pairs), 3),
    }

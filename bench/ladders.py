"""A fidelity ladder against NSGA-II that trains every network in full: training seconds to the same hypervolume.

Natural images reduced to 16×16, in whole searches of the engine. Both fronts are of networks trained in full, by their
validation accuracy; on the ladder a network goes on from its own weights of the rung below, whose seconds count as all
rungs' do, a score's with them. What each search found is kept; NASPORTAL_BENCH_SHARE=.34 takes one seed of three.
"""

import json
import math
import os
import statistics
import tempfile
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from bench.deliveries import WORKERS, searched
from bench.natural import NATURAL, pictures
from searches import pareto

ROWS = Path(__file__).parent.parent / "bench-results" / "ladders-rows.jsonl"
SEEDS = range(3)
IMAGES = 10_000  # of them the portal takes its validation and test splits
FULL_EPOCHS = 12
MOST_FLOPS = 4_000_000
FULL = {"evaluations": 48}
LADDER = {
    "evaluations": 1000,
    "ladder": {"proxy": "synflow", "rungs": f"2,{FULL_EPOCHS}", "eta": 3},
    "training": {"epochs": FULL_EPOCHS, "inherit": True},
}
MOST_SHARE = 0.45  # of the full search's training seconds that the ladder gets, what it waits included
REFERENCE = (1.0, 1.0)  # error, and the share of what the limit allows: the worst that is possible
Curve = list[tuple[float, float]]  # training seconds, hypervolume


def run() -> dict[str, Any]:
    if not NATURAL.exists():
        return {"skipped": f"{NATURAL} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    share = float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(seed, Path(folder)) for seed in list(SEEDS)[: max(1, round(len(SEEDS) * share))]]
    middle = statistics.median(each["share_of_the_seconds"] or math.inf for each in rows)
    return {"seeds": rows, "median_share": middle if middle < math.inf else f"more than {MOST_SHARE}"}


def row(seed: int, folder: Path) -> dict[str, Any]:
    full = curve("full", FULL, seed, folder)
    seconds = round(MOST_SHARE * full[-1][0] / WORKERS, 1)
    ladder = curve("ladder", LADDER | {"seconds": seconds}, seed, folder)
    aim = full[-1][1]
    reached = next((seconds for seconds, volume in ladder if volume >= aim), None)
    return {
        "seed": seed,
        "full": {"seconds": round(full[-1][0], 1), "hypervolume": round(aim, 4)},
        "ladder": {"seconds": round(ladder[-1][0], 1), "hypervolume": round(ladder[-1][1], 4)},
        "seconds_to_the_same": reached,
        "share_of_the_seconds": None if reached is None else round(reached / full[-1][0], 3),
    }


def curve(way: str, asked: dict[str, Any], seed: int, folder: Path) -> Curve:
    """From the rows of a run before, or searched now."""
    known = [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []
    key = {"way": way, "asked": asked, "seed": seed}
    kept = next((each for each in known if key.items() <= each.items()), None)
    if kept is None:
        kept = key | {"curve": search(asked, seed, folder / f"{way}-{seed}")}
        ROWS.parent.mkdir(exist_ok=True)
        with ROWS.open("a") as file:
            file.write(json.dumps(kept) + "\n")
    return [(seconds, volume) for seconds, volume in kept["curve"]]


def search(asked: dict[str, Any], seed: int, folder: Path) -> Curve:
    folder.mkdir()
    spec = {
        "dataset": str(images(folder.parent)), "algorithm": "nsga2", "algorithm_options": {"population": 8},
        "objectives": ["accuracy", "flops"], "limits": {"max_flops": MOST_FLOPS}, "training": {"epochs": FULL_EPOCHS},
        "seed": seed,
    }  # fmt: skip
    searched(spec | asked, folder)
    lines = (folder / "search" / "history.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    rows = [row for row in map(json.loads, lines) if "genotype" in row]
    spent = accumulate(row["timing"].get("training_seconds", row["timing"]["seconds"]) for row in rows)
    points: list[tuple[float, float]] = []
    found: Curve = []
    for row, seconds in zip(rows, spent, strict=True):
        if row["status"] == "done" and row["fidelity"] == FULL_EPOCHS:
            points.append((1 - row["values"]["accuracy"], row["values"]["flops"] / MOST_FLOPS))
            found.append((round(seconds, 2), pareto.hypervolume(points, REFERENCE)))
    return found


def images(folder: Path) -> Path:
    path = folder / "natural16.npz"
    if not path.exists():
        x, y = pictures()
        np.savez(path, allow_pickle=False, x=x[:IMAGES], y=y[:IMAGES])
    return path

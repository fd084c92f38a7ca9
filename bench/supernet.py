"""The single-path supernet as a cheap rung: seconds a network, and how well inherited weights rank what was trained.

The truth is that of `bench evaluation`: long trainings on natural images, whose validation images nothing here sees.
"""

import json
import time
from random import Random
from typing import Any

import torch

from bench.evaluation import LIMITS, NATURAL, NETWORKS, ROWS, space, splits
from searches.evaluation.recipe import Recipe
from searches.evaluation.supernet_single_path import SinglePathSupernet, tau

EPOCHS = 20
LEAST = 12  # networks


def run() -> dict[str, Any]:
    torch.set_num_threads(1)
    truth = accuracies()
    if not NATURAL.exists() or len(truth) < LEAST:
        return {"skipped": f"{NATURAL} is not there, or `make bench BENCH=evaluation` has not measured its networks"}
    training, cheap, _ = splits()
    started = time.process_time()
    supernet = SinglePathSupernet(space(), training, Recipe(epochs=EPOCHS), seed=1, limits=LIMITS)
    while not supernet.is_done:
        loss, _ = supernet.run()
    trained = time.process_time()
    judged = [supernet.accuracy(space().sample(Random(f"network/{index}"), LIMITS), cheap) for index in truth]
    ended = time.process_time()
    macs = [space().costs(space().sample(Random(f"network/{index}"), LIMITS)).macs for index in truth]
    values = list(truth.values())
    return {
        "networks": len(truth),
        "training_cpu_seconds": round(trained - started, 1),
        "cpu_seconds_a_network": round((ended - trained) / len(truth), 3),
        "last_loss": loss,
        "accuracy": {"least": min(judged), "mean": round(sum(judged) / len(judged), 4), "most": max(judged)},
        "tau": tau(judged, values),
        "tau_of_multiply_adds": tau(macs, values),
    }


def accuracies() -> dict[int, float]:
    """Of the networks that were trained long, by their index."""
    found: dict[int, float] = {}
    for line in ROWS.read_text(encoding="utf-8").splitlines() if ROWS.exists() else []:
        row = json.loads(line)
        if row["index"] < NETWORKS and (row.get("truth") or {}).get("value") is not None:
            found[row["index"]] = row["truth"]["value"]
    return dict(sorted(found.items()))

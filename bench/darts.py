"""DARTS: what a step costs against the sum of all operations, and what is derived, against truth and against chance.

NASPORTAL_BENCH_PARTS=step,digits,guarded,unguarded,quicker picks parts, NASPORTAL_BENCH_SHARE=.2 one seed of five.
"""

import csv
import gzip
import json
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import torch

from architectures import spaces
from architectures.nets.module import build
from architectures.spaces import Space
from architectures.spaces.cell201 import code
from architectures.spaces.limits import Limits
from bench.natural import DATA, NATURAL, splits
from searches.algorithms.darts import Ranking
from searches.evaluation.evaluator import split_of
from searches.evaluation.supernet.options import SupernetOptions
from searches.evaluation.supernet.training import SupernetTraining
from searches.evaluation.training.augmentation import AUGMENTATIONS, Augmentation
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import Tensors
from searches.evaluation.training.trainer import train

ROWS = Path(__file__).parent.parent / "bench-results" / "darts-rows.jsonl"
TABLE = DATA / "nasbench201.csv.gz"
SEEDS = range(5)
CHANNELS = 8  # of the stem on the natural images: half of the published ones
TIMED = 6  # batches
RANDOM_NETWORKS, TRAINED_SEEDS = 15, 3
NEAR = 0.2  # of the parameters, either way
OFF = {"max_skip_share": 1.0, "skip_dropout": 0.0, "auxiliary": 0.0}  # no guards
Ways = dict[str, dict[str, Any]]
GUARDED: Ways = {"darts, guarded": {"variant": "darts"}}
UNGUARDED: Ways = {"darts, unguarded": {"variant": "darts", "temperature": 1.0, "final_temperature": 1.0, **OFF}}
QUICKER: Ways = {
    "gdas, guarded": {"epochs": 24, "warmup": 0.4},  # a path is cheap
    "pc_darts, guarded": {"variant": "pc_darts"},
}
NATURAL_OPTIONS = {"epochs": 16, "warmup": 0.25, "cost_weights": "0"}
# As the recipe does from ten epochs on. Without it the weights know their 2,000 images by heart after these epochs (a
# loss of 0.57 there, of 1.8 on the others), and alphas learn from that what memory profits from.
AUGMENTATION = "flip_crop"


def run() -> dict[str, Any]:
    torch.set_num_threads(1)
    parts: dict[str, Callable[[], Any]] = {
        "step": step_costs,
        "digits": digits,
        "guarded": partial(natural_images, GUARDED),
        "unguarded": partial(natural_images, UNGUARDED),
        "quicker": partial(natural_images, QUICKER),
    }
    wanted = os.environ.get("NASPORTAL_BENCH_PARTS", ",".join(parts)).split(",")
    return {name: parts[name]() for name in wanted}


# What a step costs


def step_costs() -> dict[str, Any]:
    """CPU seconds of a batch of both halves, all variants in one run, and their ratio to the sum of all operations."""
    found = {}
    for name, space, training in (
        ("chain, 8 operations, 8x8", spaces.create("chain", (1, 8, 8), 10), split_of("digits", "train")),
        ("cell201, 5 operations, 8x8", spaces.create("cell201", (1, 8, 8), 10), split_of("digits", "train")),
    ):
        seconds = {variant: batch_seconds(space, training, variant) for variant in ("darts", "gdas", "pc_darts")}
        ratios = {variant: round(value / seconds["darts"], 3) for variant, value in seconds.items()}
        found[name] = {"cpu_seconds": {key: round(value, 4) for key, value in seconds.items()}, "ratio": ratios}
    return found


def batch_seconds(space: Space, training: Tensors, variant: str) -> float:
    trainer = SupernetTraining(space, SupernetOptions(variant=variant, warmup=0.0), training, 32, seed=1)
    trainer.batch()
    started = time.process_time()
    for _ in range(TIMED):
        trainer.progress.position += 1
        trainer.batch()
    return (time.process_time() - started) / TIMED


# Digits: a derived network against random ones of its size


def digits() -> dict[str, Any]:
    space = spaces.create("chain", (1, 8, 8), 10)
    trainer = trained(space, split_of("digits", "train"), SupernetOptions(cost_weights="0"), 32, seed=1)
    genotype = derived(trainer)
    params = space.costs(genotype).params
    limits = Limits(min_params=round(params * (1 - NEAR)), max_params=round(params * (1 + NEAR)))
    others = [space.sample(Random(number), limits) for number in range(RANDOM_NETWORKS)]
    accuracies = [accuracy(space, each, seed=1) for each in others]
    return {
        "derived": space.describe(genotype),
        "skip_share": trainer.progress.skip_shares[-1],
        "params": params,
        "accuracy": round(statistics.mean(accuracy(space, genotype, seed) for seed in range(TRAINED_SEEDS)), 4),
        "random_networks": RANDOM_NETWORKS,
        "median_accuracy_of_random": round(statistics.median(accuracies), 4),
        "best_accuracy_of_random": round(max(accuracies), 4),
    }


def accuracy(space: Space, genotype: tuple[int, ...], seed: int) -> float:
    module = build(space.decode(genotype), seed)
    return train(module, split_of("digits", "train"), split_of("digits", "validation"), Recipe(), seed).accuracy


# Natural images: derived cells, looked up in the published table


def natural_images(ways: Ways) -> dict[str, Any]:
    """Nothing is tuned on the table: it is read when all cells are derived."""
    if not NATURAL.exists() or not TABLE.exists():
        return {"skipped": f"{NATURAL} or {TABLE} is not there; NASPORTAL_TRUTH_DATA names their folder"}
    share = float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))
    rows = list(searched(ways, list(SEEDS)[: max(1, round(len(SEEDS) * share))]))
    truth = published()
    found: dict[str, Any] = {"median_of_the_table": round(statistics.median(truth.values()), 2)}
    for way in ways:
        of_way = [row for row in rows if row["way"] == way]
        values = [truth[row["code"]] for row in of_way]
        found[way] = {
            "codes": [row["code"] for row in of_way],
            "c10_test_200": values,
            "median": statistics.median(values),
            "skip_shares": [row["skip_share"] for row in of_way],
            "stopped": [row["stopped"] for row in of_way],
            "cpu_seconds": round(statistics.mean(row["cpu_seconds"] for row in of_way), 1),
        }
    return found


def searched(ways: Ways, seeds: Iterable[int]) -> Iterator[dict[str, Any]]:
    """One row a way and seed; kept, so that an interrupted run goes on."""
    known = [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []
    for way, seed in product(ways, seeds):
        options = NATURAL_OPTIONS | ways[way]
        key = {"way": way, "seed": seed, "options": options, "augmentation": AUGMENTATION}
        row = next((row for row in known if key.items() <= row.items()), None)
        if row is None:
            row = key | search_cell(SupernetOptions(**options), seed)
            with ROWS.open("a") as file:
                file.write(json.dumps(row) + "\n")
        yield row


def search_cell(options: SupernetOptions, seed: int) -> dict[str, Any]:
    training = splits()[0]
    space = spaces.create("cell201", (3, *training.images.shape[2:]), 10, cells=1, channels=CHANNELS)
    started = time.process_time()
    trainer = trained(space, training, options, 64, seed, AUGMENTATIONS[AUGMENTATION])
    return {
        "code": code(derived(trainer)),
        "skip_share": trainer.description.skip_share(trainer.sets[0].most_likely),
        "stopped": trainer.progress.stopped,
        "cpu_seconds": round(time.process_time() - started, 1),
    }


def published() -> dict[str, float]:
    with gzip.open(TABLE, "rt", encoding="utf-8") as file:
        return {row["code"]: float(row["c10_test_200"]) for row in csv.DictReader(file)}


# Both


def trained(
    space: Space,
    training: Tensors,
    options: SupernetOptions,
    batch_size: int,
    seed: int,
    augment: Augmentation | None = None,
) -> SupernetTraining:
    trainer = SupernetTraining(space, options, training, batch_size, seed, augment=augment)
    while not trainer.is_done:
        trainer.run()
    return trainer


def derived(trainer: SupernetTraining) -> tuple[int, ...]:
    """As the algorithm derives it: the most likely network that its guard lets through."""
    ranking = Ranking(trainer.description, trainer.sets[0].table(), trainer.options.max_skip_share)
    return next(iter(ranking))

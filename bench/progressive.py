"""Progressive refinement on natural images: against the flat search, NSGA-II, at equal counted cost, with its sign.

Chain networks on CIFAR-10's images at 16×16: searched on 1,000 images after one epoch, judged on 7,000 that no search
saw. NASPORTAL_BENCH_SHARE=.34 takes one seed of three. What each search found is kept.
"""

import json
import os
import statistics
from pathlib import Path
from typing import Any

import torch

from architectures.nets.module import build
from bench.natural import NATURAL, SIDE, TRAIN, splits
from searches import algorithms, pareto
from searches.algorithms.algorithm import Evaluated
from searches.engine.problem import SpecProblem
from searches.engine.sequence import Candidate, Sequence
from searches.evaluation.datasets import Facts
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.trainer import accuracy, train
from searches.spec import SearchSpec

ROWS = Path(__file__).parent.parent / "bench-results" / "progressive-rows.jsonl"
SEEDS = range(3)
MOST_FLOPS = 4_000_000  # of a network, as in bench evaluation
BUDGET = 28 * 3 * (MOST_FLOPS // 4) * TRAIN  # counted multiply-adds: 28 epochs of a network in the middle of the limit
REFERENCE = (1.0, 1.0)  # error, and multiply-adds as a share of what the limit allows: the worst that is possible
WAYS: dict[str, dict[str, int]] = {
    "nsga2": {"population": 8},
    "progressive": {"population": 8, "coarse": 8, "length": 10},  # defaults are made for hundreds of networks
}


def run() -> dict[str, Any]:
    torch.set_num_threads(1)
    if not NATURAL.exists():
        return {"skipped": f"{NATURAL} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    share = float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))
    seeds = list(SEEDS)[: max(2, round(len(SEEDS) * share))]
    rows = {way: [searched(way, seed) for seed in seeds] for way in WAYS}
    gains = [refined["hypervolume"] - flat["hypervolume"] for flat, refined in zip(*rows.values(), strict=True)]
    return {
        "counted_budget": BUDGET,
        **rows,
        "gain_of_refinement": round(statistics.mean(gains), 4),
        "standard_error": round(statistics.stdev(gains) / len(gains) ** 0.5, 4),
    }


def searched(way: str, seed: int) -> dict[str, Any]:
    """From the rows of a run before, or searched now."""
    known = [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []
    key = {"way": way, "options": WAYS[way], "seed": seed, "budget": BUDGET}
    row = next((row for row in known if key.items() <= row.items()), None)
    if row is None:
        row = key | Search(way, seed).run()
        with ROWS.open("a") as file:
            file.write(json.dumps(row) + "\n")
    return {name: row[name] for name in ("networks", "spent", "hypervolume", "best_accuracy")}


class Search:
    """One search until the next network is beyond the budget."""

    def __init__(self, way: str, seed: int) -> None:
        document = {"algorithm": way, "algorithm_options": WAYS[way], "seed": seed, "limits": {"max_flops": MOST_FLOPS}}
        spec = SearchSpec.from_document(document | {"objectives": ["accuracy", "flops"]})
        self.problem = SpecProblem(spec, Facts("natural images", (3, SIDE, SIDE), 10, {"train": TRAIN}))
        self.numbers = Sequence(self.problem, algorithms.get(way)(**WAYS[way]), lag=0)
        self.unseen: list[float] = []  # accuracies, in the order of the networks

    def run(self) -> dict[str, Any]:
        spent = 0
        while self.numbers.may_ask:
            asked = self.numbers.ask()
            if not isinstance(asked, Candidate):
                continue
            cost = self.problem.cost_at(asked.genotype, 1)
            if spent + cost > BUDGET:
                break
            spent += cost
            self.numbers.accept(self.evaluated(asked))
        return {"networks": len(self.unseen), "spent": spent, **self.judged()}

    def evaluated(self, asked: Candidate) -> Evaluated:
        network = self.problem.network(asked.genotype)
        seed = self.problem.training_seed(asked.fingerprint, 1)
        module = build(network.graph, seed)
        training, validation, unseen = splits()
        found = train(module, training, validation, Recipe(epochs=1), seed).accuracy
        self.unseen.append(accuracy(module, unseen))
        losses = (1 - found, 2 * network.complexity.macs / MOST_FLOPS)
        return Evaluated(asked.number, asked.genotype, asked.fingerprint, losses)

    def judged(self) -> dict[str, float]:
        """The front that the search sees, by the accuracy on images that it did not see."""
        losses = [each.losses for each in self.numbers.evaluated]
        front = pareto.front(losses)
        truth = [(1 - self.unseen[index], losses[index][1]) for index in front]
        best = max(self.unseen[index] for index in front)
        return {"hypervolume": round(pareto.hypervolume(truth, REFERENCE), 4), "best_accuracy": round(best, 4)}

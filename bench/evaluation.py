"""What a candidate's rank costs: proxies, short training and inherited weights against a long training.

Natural images (10,000 + 2,000 of CIFAR-10, reduced to 16×16) and random chain networks. Every figure is CPU time of one
thread. NASPORTAL_BENCH_SHARE=.1 looks at a tenth of the networks, NASPORTAL_BENCH_WAYS=supernet only at the proxies
and the supernet (others by comma: annealed, inherited, plain); what was measured stays in
bench-results/evaluation-rows.jsonl, and a run that was stopped goes on behind it.
"""

import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.nets.module import build
from architectures.spaces import Space
from architectures.spaces.limits import Limits
from bench import epochs
from bench.natural import NATURAL, SIDE, TRAIN, Pictures, first, pictures, splits
from searches.evaluation import proxies
from searches.evaluation.curves import Beginning, calibration
from searches.evaluation.proxies import PROXIES
from searches.evaluation.rank_correlation import agreement
from searches.evaluation.supernet.single_path import SinglePathSupernet
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import Tensors
from searches.evaluation.training.trainer import accuracy, train
from searches.evaluation.training.weight_inheritance import inherit

ROWS = Path(__file__).parent.parent / "bench-results" / "evaluation-rows.jsonl"
NETWORKS = 64
TRUTH_EPOCHS, QUARTER = 12, 3
SUPERNET_EPOCHS = 12
LIMITS = Limits(max_flops=4_000_000)
SHORT = {"1 epoch, half the images": (1, 0.5), "1 epoch": (1, 1.0), "2 epochs": (2, 1.0)}
DEAR = ("annealed", "inherited", "plain")  # parts of a row that a quick look leaves out
PLAIN_EPOCHS, PLAIN_BATCH, PLAIN_RATE = 5, 64, 0.1  # as tutorials have it

Row = dict[str, Any]


def run() -> dict[str, Any]:
    torch.set_num_threads(1)
    if not NATURAL.exists():
        return {"skipped": f"{NATURAL} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    share = float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))
    wanted = {name.strip() for name in os.environ.get("NASPORTAL_BENCH_WAYS", "supernet," + ",".join(DEAR)).split(",")}
    rows = list(measured(max(4, round(NETWORKS * share)), set(DEAR) - wanted))
    rows = with_supernet(rows) if "supernet" in wanted else rows
    found = {"networks": len(rows), "ranks": ranks(rows), "extrapolation": extrapolation(rows)}
    if set(DEAR) - wanted:
        return found
    return found | {"ladders": ladders(rows), "epoch_against_a_pil_loader": epochs.run()}


# Measuring


def measured(networks: int, without: set[str]) -> Iterator[Row]:
    """Rows with all their parts but these; what an earlier run has left out is measured now."""
    ROWS.parent.mkdir(exist_ok=True)
    there: dict[int, Row] = {}
    if ROWS.exists():
        for line in ROWS.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            there.setdefault(row["index"], {}).update(row)
    parts: dict[str, Callable[[Graph, int], Any]] = {
        "scores": scores,
        "annealed": annealed,
        "inherited": inherited,
        "plain": lambda graph, index: timed(lambda: (plain(build(graph, index), index), None)),
        "truth": truth,
    }
    trained(build(graph_of(0)), first(splits()[0], 0.1), 1, 0)  # torch is slow at first
    for index in range(networks):
        graph, row = graph_of(index), there.get(index, {})
        counted = complexity(graph)
        missing = {name: measure for name, measure in parts.items() if name not in row and name not in without}
        found = {name: measure(graph, index) for name, measure in missing.items()}
        if found:
            found |= {"index": index, "macs": counted.macs, "params": counted.params}
            with ROWS.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(found) + "\n")
        yield row | found


def graph_of(index: int) -> Graph:
    return space().decode(space().sample(Random(f"network/{index}"), LIMITS))


def scores(graph: Graph, index: int) -> Row:
    training = splits()[0]
    images, targets = training.batch(torch.arange(proxies.BATCH)), training.targets[: proxies.BATCH]
    return {name: timed(partial(scored, proxy, graph, index, images, targets)) for name, proxy in PROXIES.items()}


def scored(proxy: proxies.Proxy, graph: Graph, index: int, images: Tensor, targets: Tensor) -> tuple[float, None]:
    return proxy(build(graph, index), images, targets), None


def annealed(graph: Graph, index: int) -> Row:
    training = splits()[0]
    return {
        name: timed(partial(trained, build(graph, index), first(training, part), epochs, index))
        for name, (epochs, part) in SHORT.items()
    }


def truth(graph: Graph, index: int) -> Row:
    training, cheap, unseen = splits()
    module = build(graph, index)
    started = time.process_time()
    curve = train(module, training, cheap, Recipe(epochs=TRUTH_EPOCHS), index).curve
    rows = [(each.epoch, each.train_loss, each.validation_accuracy) for each in curve]
    return {"value": accuracy(module, unseen), "seconds": time.process_time() - started, "curve": rows}


def with_supernet(rows: Sequence[Row]) -> list[Row]:
    """Each network judged with weights that all of them share; its seconds hold its share of their training."""
    training, cheap, _ = splits()
    started = time.process_time()
    supernet = SinglePathSupernet(space(), training, Recipe(epochs=SUPERNET_EPOCHS), 0, limits=LIMITS)
    while not supernet.is_done:
        supernet.run()
    share = (time.process_time() - started) / len(rows)
    found = []
    for row in rows:
        genotype = space().sample(Random(f"network/{row['index']}"), LIMITS)
        judged = timed(partial(lambda genotype: (supernet.accuracy(genotype, cheap), None), genotype))
        found.append(row | {"supernet": judged | {"seconds": share + (judged["seconds"] or 0)}})
    return found


def timed(work: Callable[[], tuple[float, float | None]]) -> dict[str, float | None]:
    """An accuracy or score, the training loss where there is one, and CPU seconds."""
    started = time.process_time()
    value, loss = work()
    seconds = time.process_time() - started
    return {"value": value if math.isfinite(value) else None, "loss": loss, "seconds": seconds}


def trained(module: nn.Module, training: Tensors, epochs: int, seed: int) -> tuple[float, float]:
    last = train(module, training, splits()[1], Recipe(epochs=epochs), seed).curve[-1]
    return last.validation_accuracy, last.train_loss


def inherited(graph: Graph, seed: int) -> Row:
    """One epoch on top of what a parent (one mutation away) has learnt in two; the parent's time is not counted."""
    genotype = space().sample(Random(f"network/{seed}"), LIMITS)
    parent = space().decode(space().mutate(genotype, Random(f"parent/{seed}")).genotype)
    training, cheap, _ = splits()
    teacher = build(parent, seed)
    train(teacher, training, cheap, Recipe(epochs=2), seed)
    module = build(graph, seed)
    started = time.process_time()
    share = inherit(module, graph, parent, teacher.state_dict())
    value, loss = trained(module, training, 1, seed)
    return {"value": value, "loss": loss, "seconds": time.process_time() - started, "share": share}


def plain(module: nn.Module, seed: int) -> float:
    """The recipe of tutorials: PIL images through a DataLoader, SGD at one rate."""
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(module.parameters(), lr=PLAIN_RATE)
    module.train()
    for _ in range(PLAIN_EPOCHS):
        for images, targets in plain_loader():
            optimizer.zero_grad()
            functional.cross_entropy(module(images), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return accuracy(module, splits()[1])


# Images


@cache
def space() -> Space:
    return spaces.create("chain", (3, SIDE, SIDE), 10)


@cache
def plain_loader() -> DataLoader[tuple[Tensor, int]]:
    x, y = pictures()
    training = splits()[0]
    return DataLoader(Pictures(x[:TRAIN], y[:TRAIN], training.mean, training.std), PLAIN_BATCH, shuffle=True)


# Judging


def ranks(rows: Sequence[Row]) -> dict[str, Any]:
    """Kendall tau against the truth with its interval, and CPU seconds a network, each way by itself."""
    truth = [row["truth"]["value"] for row in rows]
    found = {}
    for name, (value, seconds) in ways().items():
        try:
            values = [value(row) for row in rows]
        except KeyError:  # a way that was not wanted, or not of all networks
            continue
        sure = agreement(values, truth, Random("ranks"))
        found[name] = {
            "tau": round(tau(values, truth), 3),
            "interval_80": None if sure is None else [round(sure.low, 3), round(sure.high, 3)],
            "cpu_seconds": round(statistics.mean(seconds(row) for row in rows), 4),
        }
    return found


def ways() -> dict[str, tuple[Callable[[Row], float], Callable[[Row], float]]]:
    found: dict[str, tuple[Callable[[Row], float], Callable[[Row], float]]] = {
        "parameters": (lambda row: row["params"], lambda row: 0.0),
        "multiply-adds": (lambda row: row["macs"], lambda row: 0.0),
    }
    for name in PROXIES:
        found[name] = column("scores", name)
    for name in SHORT:
        found[f"annealed, {name}"] = column("annealed", name)
    for name in SHORT:
        found[f"annealed, {name}, by its training loss"] = column("annealed", name, key="loss")
    found[f"single-path supernet of {SUPERNET_EPOCHS} epochs"] = column("supernet")
    found["inherited from the parent, 1 epoch"] = column("inherited")
    found["plain recipe, 5 epochs"] = column("plain")
    return found


def column(*path: str, key: str = "value") -> tuple[Callable[[Row], float], Callable[[Row], float]]:
    """How one reads score (a loss: the less the better) and seconds out of a row."""

    def cell(row: Row) -> Mapping[str, float | None]:
        for name in path:
            row = row[name]
        return row

    def value(row: Row) -> float:
        found = cell(row)[key]
        return -math.inf if found is None else -found if key == "loss" else found

    return value, lambda row: float(cell(row)["seconds"] or 0)


def tau(scores: Sequence[float], truth: Sequence[float]) -> float:
    """Kendall's tau-b: ties count for neither side."""
    agreed = tied_scores = tied_truth = 0
    pairs = len(truth) * (len(truth) - 1) // 2
    for i in range(len(truth)):
        for j in range(i):
            a = (scores[i] > scores[j]) - (scores[i] < scores[j])
            b = (truth[i] > truth[j]) - (truth[i] < truth[j])
            agreed += a * b
            tied_scores += a == 0
            tied_truth += b == 0
    return agreed / math.sqrt(max(1, pairs - tied_scores) * max(1, pairs - tied_truth))


LADDERS = {
    "synflow, then 2 epochs for the better third": (("scores", "synflow"), ("annealed", "2 epochs"), 3),
    "synflow, then 2 epochs for the better half": (("scores", "synflow"), ("annealed", "2 epochs"), 2),
    "1 epoch, then 2 epochs for the better third": (("annealed", "1 epoch"), ("annealed", "2 epochs"), 3),
}


def ladders(rows: Sequence[Row]) -> dict[str, Any]:
    """Who came higher stands above, whatever its value; each rung's seconds are counted for those who were on it."""
    value, seconds = column("plain")
    truths = [row["truth"]["value"] for row in rows]
    spent_plainly = sum(seconds(row) for row in rows)
    found: dict[str, Any] = {
        "plain recipe, 5 epochs": {
            "tau": round(tau([value(row) for row in rows], truths), 3),
            "cpu_seconds": round(spent_plainly / len(rows), 3),
        }
    }
    for name, (low, high, eta) in LADDERS.items():
        (first_value, first_seconds), (second_value, second_seconds) = column(*low), column(*high)
        order = sorted(rows, key=first_value, reverse=True)
        promoted = {row["index"] for row in order[: math.ceil(len(rows) / eta)]}
        keys = [
            (1, second_value(row)) if row["index"] in promoted else (0, first_value(row)) for row in rows
        ]  # compared rung by rung
        places = {key: place for place, key in enumerate(sorted(set(keys)))}
        spent = sum(map(first_seconds, rows)) + sum(second_seconds(row) for row in rows if row["index"] in promoted)
        found[name] = {
            "tau": round(tau([places[key] for key in keys], truths), 3),
            "cpu_seconds": round(spent / len(rows), 3),
            "times_the_plain_recipes_candidates_a_second": round(spent_plainly / spent, 1),
        }
    return found


def extrapolation(rows: Sequence[Row]) -> dict[str, Any]:
    """From a quarter of each training to the truth on unseen images, learnt from all the other networks."""
    if len(rows) < 12:
        return {"skipped": f"{len(rows)} curves are too few"}
    return {
        "epochs": f"{QUARTER} of {TRUTH_EPOCHS}",
        "curve alone": calibrated(rows, lambda row: ()),
        "with parameters and multiply-adds": calibrated(rows, facts),
        "with these and synflow": calibrated(rows, lambda row: (*facts(row), column("scores", "synflow")[0](row))),
    }


def facts(row: Row) -> tuple[float, ...]:
    return math.log1p(row["params"]), math.log1p(row["macs"])


def calibrated(rows: Sequence[Row], known: Callable[[Row], tuple[float, ...]]) -> dict[str, Any]:
    found = calibration(
        [(Beginning(row["truth"]["curve"][:QUARTER], known(row)), row["truth"]["value"]) for row in rows]
    )
    return {
        "curves": found.curves,
        "median_error_points": round(100 * found.median_error, 2),
        "inside_the_80_percent_interval": round(found.inside, 3),
    }

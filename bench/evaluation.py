"""What a candidate's rank costs: proxies, short training and inherited weights against a long training.

Natural images (10,000 + 2,000 of CIFAR-10, reduced to 16×16) and random chain networks. Every figure is CPU time of one
thread, all of it taken in one run. NASPORTAL_BENCH_SHARE=.1 looks at a tenth of the networks; what was measured stays in
bench-results/evaluation-rows.jsonl, and a run that was stopped goes on behind it.
"""

import io
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.nets.module import build
from architectures.spaces import Space
from architectures.spaces.limits import Limits
from searches.evaluation import proxies
from searches.evaluation.curves import Curve, calibration
from searches.evaluation.inheritance import inherit
from searches.evaluation.recipe import Recipe
from searches.evaluation.tensors import Tensors
from searches.evaluation.trainer import accuracy, train

ROWS = Path(__file__).parent.parent / "bench-results" / "evaluation-rows.jsonl"
DATA = Path(os.environ.get("NASPORTAL_TRUTH_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
NATURAL = DATA / "cifar10_jpeg_12k.npz"
NETWORKS = 64
SIDE = 16
TRAIN, CHEAP = 4000, 1000  # images that are trained on, and those that the cheap rungs are validated on
TRUTH_EPOCHS = 12
LIMITS = Limits(max_flops=4_000_000)
SHORT = {"1 epoch, half the images": (1, 0.5), "1 epoch": (1, 1.0), "2 epochs": (2, 1.0)}
PLAIN_EPOCHS, PLAIN_BATCH, PLAIN_RATE = 5, 64, 0.1  # as tutorials have it

Row = dict[str, Any]


def run() -> dict[str, Any]:
    torch.set_num_threads(1)
    if not NATURAL.exists():
        return {"skipped": f"{NATURAL} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    share = float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))
    rows = list(measured(max(4, round(NETWORKS * share))))
    return {
        "networks": len(rows),
        "ranks": ranks(rows),
        "ladder": ladder(rows),
        "extrapolation": extrapolation([row["truth"]["curve"] for row in rows]),
        "epoch_against_a_pil_loader": loaders(),
    }


# Measuring


def measured(networks: int) -> Iterator[Row]:
    ROWS.parent.mkdir(exist_ok=True)
    there = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []
    yield from there[:networks]
    if len(there) < networks:
        trained(build(space().decode(space().sample(Random(0), LIMITS))), first(splits()[0], 0.1), splits()[1], 1, 0)
    for index in range(len(there), networks):
        row = measure(index)
        with ROWS.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        yield row


def measure(index: int) -> Row:
    genotype = space().sample(Random(f"network/{index}"), LIMITS)
    graph = space().decode(genotype)
    parent = space().decode(space().mutate(genotype, Random(f"parent/{index}")).genotype)
    counted = complexity(graph)
    training, cheap, truth = splits()
    row: Row = {"index": index, "macs": counted.macs, "params": counted.params, "proxies": {}, "short": {}}
    for name, proxy in proxies.PROXIES.items():
        images, targets = training.batch(torch.arange(proxies.BATCH)), training.targets[: proxies.BATCH]
        row["proxies"][name] = timed(lambda proxy=proxy: proxy(build(graph, index), images, targets))
    for name, (epochs, part) in SHORT.items():
        row["short"][name] = timed(
            lambda epochs=epochs, part=part: trained(build(graph, index), first(training, part), cheap, epochs, index)
        )
    row["inherited"] = inherited(graph, parent, index)
    row["plain"] = timed(lambda: plain(build(graph, index), cheap, index))
    module = build(graph, index)
    started = time.process_time()
    curve = train(module, training, cheap, Recipe(epochs=TRUTH_EPOCHS), index).curve
    row["truth"] = {
        "value": accuracy(module, truth),
        "seconds": time.process_time() - started,
        "curve": [(each.epoch, each.train_loss, each.validation_accuracy) for each in curve],
    }
    return row


def timed(work: Callable[[], float]) -> dict[str, float | None]:
    started = time.process_time()
    value = work()
    return {"value": value if math.isfinite(value) else None, "seconds": time.process_time() - started}


def trained(module: nn.Module, training: Tensors, cheap: Tensors, epochs: int, seed: int) -> float:
    return train(module, training, cheap, Recipe(epochs=epochs), seed).accuracy


def inherited(graph: Graph, parent: Graph, seed: int) -> Row:
    """One epoch on top of what a parent (one mutation away) has learnt in two; the parent's time is not counted."""
    training, cheap, _ = splits()
    teacher = build(parent, seed)
    train(teacher, training, cheap, Recipe(epochs=2), seed)
    module = build(graph, seed)
    started = time.process_time()
    share = inherit(module, graph, parent, teacher.state_dict())
    value = trained(module, training, cheap, 1, seed)
    return {"value": value, "seconds": time.process_time() - started, "share": share}


def plain(module: nn.Module, cheap: Tensors, seed: int) -> float:
    """The recipe of tutorials: PIL images through a DataLoader, SGD at one rate."""
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(module.parameters(), lr=PLAIN_RATE)
    module.train()
    for _ in range(PLAIN_EPOCHS):
        for images, targets in plain_loader():
            optimizer.zero_grad()
            functional.cross_entropy(module(images), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return accuracy(module, cheap)


# Images


@cache
def space() -> Space:
    return spaces.create("chain", (3, SIDE, SIDE), 10)


@cache
def pictures() -> tuple[np.ndarray, np.ndarray]:
    with np.load(NATURAL) as file:
        arrays = {name: file[name] for name in file.files}
    found = []
    for part in ("train", "test"):
        content, offsets = arrays[f"{part}_jpeg"], arrays[f"{part}_offset"]
        for start, end in zip(offsets[:-1], offsets[1:], strict=True):
            picture = Image.open(io.BytesIO(content[start:end].tobytes())).convert("RGB")
            found.append(np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX)))
    return np.stack(found), np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.int64)


@cache
def splits() -> tuple[Tensors, Tensors, Tensors]:
    """Trained on, cheap validation, and the validation of the truth, which nothing cheap has seen."""
    x, y = pictures()
    scaled = x[:TRAIN].astype(np.float64) / 255
    mean, std = (
        torch.tensor(value(scaled, axis=(0, 1, 2)), dtype=torch.float32).view(-1, 1, 1) for value in (np.mean, np.std)
    )
    images = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    targets = torch.from_numpy(y)
    bounds = ((0, TRAIN), (TRAIN, TRAIN + CHEAP), (TRAIN + CHEAP, len(y)))
    first, second, third = (Tensors(images[a:b], targets[a:b], 255.0, mean, std) for a, b in bounds)
    return first, second, third


def first(split: Tensors, part: float) -> Tensors:
    count = round(len(split) * part)
    return Tensors(split.images[:count], split.targets[:count], split.scale, split.mean, split.std)


class Pictures(Dataset[tuple[Tensor, int]]):
    """PIL images, turned into a normalised tensor one by one."""

    def __init__(self, images: np.ndarray, targets: np.ndarray, mean: Tensor, std: Tensor) -> None:
        self.images = [Image.fromarray(image) for image in images]
        self.targets = targets.tolist()
        self.mean, self.std = mean, std

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = torch.from_numpy(np.array(self.images[index]))  # (H, W[, C])
        pixels = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
        return (pixels.to(torch.float32) / 255 - self.mean) / self.std, self.targets[index]


@cache
def plain_loader() -> DataLoader[tuple[Tensor, int]]:
    x, y = pictures()
    training = splits()[0]
    return DataLoader(Pictures(x[:TRAIN], y[:TRAIN], training.mean, training.std), PLAIN_BATCH, shuffle=True)


# Judging


def ranks(rows: Sequence[Row]) -> dict[str, Any]:
    """Kendall tau against the truth and CPU seconds a network, each way by itself."""
    truth = [row["truth"]["value"] for row in rows]
    return {
        name: {
            "tau": round(tau([value(row) for row in rows], truth), 3),
            "cpu_seconds": round(statistics.mean(seconds(row) for row in rows), 4),
        }
        for name, (value, seconds) in ways().items()
    }


def ways() -> dict[str, tuple[Callable[[Row], float], Callable[[Row], float]]]:
    found: dict[str, tuple[Callable[[Row], float], Callable[[Row], float]]] = {
        "parameters": (lambda row: row["params"], lambda row: 0.0),
        "multiply-adds": (lambda row: row["macs"], lambda row: 0.0),
    }
    for name in proxies.PROXIES:
        found[name] = column("proxies", name)
    for name in SHORT:
        found[f"annealed, {name}"] = column("short", name)
    found["inherited from the parent, 1 epoch"] = column("inherited")
    found["plain recipe, 5 epochs"] = column("plain")
    return found


def column(*path: str) -> tuple[Callable[[Row], float], Callable[[Row], float]]:
    def cell(row: Row) -> Mapping[str, float | None]:
        for key in path:
            row = row[key]
        return row

    def value(row: Row) -> float:
        found = cell(row)["value"]
        return -math.inf if found is None else found

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


def ladder(rows: Sequence[Row]) -> dict[str, Any]:
    """One annealed epoch for all, two for the better third: who came higher stands above, whatever its accuracy."""
    short, short_seconds = column("short", "1 epoch")
    long, long_seconds = column("short", "2 epochs")
    order = sorted(rows, key=short, reverse=True)
    promoted = {row["index"] for row in order[: math.ceil(len(rows) / 3)]}
    scores = [(1 + long(row)) if row["index"] in promoted else short(row) for row in rows]
    spent = sum(short_seconds(row) for row in rows) + sum(long_seconds(row) for row in rows if row["index"] in promoted)
    plain_value, plain_seconds = column("plain")
    truth = [row["truth"]["value"] for row in rows]
    plain_spent = sum(plain_seconds(row) for row in rows)
    return {
        "tau": round(tau(scores, truth), 3),
        "tau_of_the_plain_recipe": round(tau([plain_value(row) for row in rows], truth), 3),
        "times_the_candidates_a_second": round(plain_spent / spent, 2),
        "cpu_seconds": round(spent / len(rows), 3),
        "cpu_seconds_of_the_plain_recipe": round(plain_spent / len(rows), 3),
    }


def extrapolation(curves: Sequence[Curve]) -> dict[str, Any]:
    """From a quarter of each curve, learnt from all the other ones."""
    if len(curves) < 10:
        return {"skipped": f"{len(curves)} curves are too few"}
    found = calibration(curves, TRUTH_EPOCHS // 4)
    return {
        "curves": found.curves,
        "epochs": f"{found.epochs} of {TRUTH_EPOCHS}",
        "median_error_points": round(100 * found.median_error, 2),
        "inside_the_80_percent_interval": round(found.inside, 3),
    }


def loaders() -> dict[str, Any]:
    """Seconds of an epoch, ours against a PIL DataLoader's, the same network and step."""
    return {f"{side}×{side}": loader(side) for side in (28, 32)}


def loader(side: int, images: int = 2048) -> dict[str, float]:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (images, side, side, 3), dtype=np.uint8)
    y = generator.integers(0, 10, images)
    mean, std = torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25)
    ours = Tensors(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y), 255.0, mean, std)
    theirs = DataLoader(Pictures(x, y, mean, std), 64, shuffle=True)
    graph = spaces.create("chain", (3, side, side), 10).decode(
        space_of(side).sample(Random(1), Limits(max_flops=8_000_000))
    )
    started = time.process_time()
    train(build(graph, 0), ours, first(ours, 0.1), Recipe(epochs=1, batch_size=64), 0)
    own = time.process_time() - started
    module = build(graph, 0)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    started = time.process_time()
    module.train()
    for batch, targets in theirs:
        optimizer.zero_grad()
        functional.cross_entropy(module(batch), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    accuracy(module, first(ours, 0.1))
    other = time.process_time() - started
    return {"cpu_seconds": round(own, 2), "times_quicker": round(other / own, 2)}


@cache
def space_of(side: int) -> Space:
    return spaces.create("chain", (3, side, side), 10)

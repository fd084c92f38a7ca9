"""An epoch of ours against an epoch over a PIL DataLoader: the same random networks, one thread, steps in turn.

`python -m bench epochs` runs this part of `bench evaluation` alone. Steps of both are taken in turn and the lower
quartile of their CPU time is compared, so that a busy machine hits both alike. Neither side's validation is counted.
What the same networks learn in each kind of number is shown beside it.
"""

import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from architectures import spaces
from architectures.ir import json as graph_json
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.nets.module import build
from architectures.spaces.limits import Limits
from bench.natural import NATURAL, Pictures, classes, decoded
from profiling.meters import heap
from searches.evaluation import datasets
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import Tensors
from searches.evaluation.training.trainer import TrainingLoop, train
from searches.evaluation.worker import settle_torch

NETWORKS = range(1, 7)
LIMITS = Limits(min_params=5_000, max_flops=16_000_000)
IMAGES, STEPS, SETTLING = 1024, 20, 2  # the first steps compile kernels
LEARNT, JUDGED, EPOCHS = 3000, 1000, 6  # images and epochs of what is learnt
BATCH, RATE = 64, 0.1  # of tutorials
PLAIN, PRECISIONS = "plain", ("float32", "bfloat16")
PROCESSES = multiprocessing.get_context("spawn")


def run() -> dict[str, Any]:
    torch.set_num_threads(1)
    found: dict[str, Any] = {name: compared(x, y) for name, (x, y) in {"28×28": small(), "32×32": large()}.items()}
    return found | {"learnt_from_natural_images": learnt()}


def learnt() -> dict[str, Any]:
    """Validation accuracies of the networks after a short training, in float32 and in bfloat16."""
    if not NATURAL.exists():
        return {"skipped": f"{NATURAL} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    pictures = islice(decoded("train"), LEARNT + JUDGED)
    x = torch.from_numpy(np.stack([np.asarray(picture).transpose(2, 0, 1) for picture in pictures]))
    y = torch.from_numpy(classes("train")[: LEARNT + JUDGED].astype(np.int64))
    mean, std = torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25)
    training, validation = (
        Tensors(x[part], y[part], 255.0, mean, std) for part in (slice(LEARNT), slice(LEARNT, None))
    )
    space = spaces.create("chain", (3, 32, 32), 10)
    graphs = [space.decode(space.sample(Random(seed), LIMITS)) for seed in NETWORKS]
    found = {
        name: [
            train(build(graph, 0), training, validation, Recipe(epochs=EPOCHS, precision=name), 0).accuracy
            for graph in graphs
        ]
        for name in PRECISIONS
    }
    gains = [half - full for full, half in zip(*found.values(), strict=True)]
    return {
        **{name: [round(each, 3) for each in values] for name, values in found.items()},
        "mean_gain_of_bfloat16": round(statistics.mean(gains), 4),
        "standard_error": round(statistics.stdev(gains) / len(gains) ** 0.5, 4),
    }


def small() -> tuple[np.ndarray, np.ndarray]:
    """Fashion-MNIST where its files are, else noise of its shape."""
    if datasets.absence("fashion_mnist"):
        return noise(28, 1)
    images, targets = datasets.open("fashion_mnist").split("train")
    return np.ascontiguousarray(images[:IMAGES].transpose(0, 2, 3, 1)), targets[:IMAGES]


def large() -> tuple[np.ndarray, np.ndarray]:
    if not NATURAL.exists():
        return noise(32, 3)
    images = [np.asarray(picture) for picture, _ in zip(decoded("train"), range(IMAGES), strict=False)]
    return np.stack(images), classes("train")[:IMAGES]


def noise(side: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (IMAGES, side, side, channels), dtype=np.uint8)
    return x, generator.integers(0, 10, IMAGES)


def compared(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    side, channels = x.shape[1], x.shape[3]
    space = spaces.create("chain", (channels, side, side), 10)
    rows = [row(space.decode(space.sample(Random(seed), LIMITS)), x, y) for seed in NETWORKS]
    ratios = {name: [each[name] for each in rows] for name in PRECISIONS}
    return {
        "networks": [f"{each['params']:,} parameters, {each['macs'] / 1e6:.1f} M multiply-adds" for each in rows],
        "plain_ms_a_step": [each["plain_ms"] for each in rows],
        **{f"times_quicker_in_{name}": found for name, found in ratios.items()},
        **{f"median_in_{name}": round(statistics.median(found), 2) for name, found in ratios.items()},
    }


def row(graph: Graph, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    document = graph_json.to_document(graph)
    sides = {name: Side(name, document, x, y) for name in (PLAIN, *PRECISIONS)}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(STEPS):
        for name, side in sides.items():
            spent[name].append(side.step())
    for side in sides.values():
        side.close()
    quick = {name: statistics.quantiles(each[SETTLING:], n=4)[0] for name, each in spent.items()}
    counted = complexity(graph)
    ratios = {name: round(quick[PLAIN] / quick[name], 2) for name in PRECISIONS}
    return {"params": counted.params, "macs": counted.macs, "plain_ms": round(1000 * quick[PLAIN], 1), **ratios}


class Side:
    """A training in a process of its own: how a process keeps its memory belongs to what is compared."""

    def __init__(self, *arguments: Any) -> None:
        here, there = PROCESSES.Pipe()
        self.pipe = here
        self.process = PROCESSES.Process(target=serve, args=(there, *arguments), daemon=True)
        self.process.start()
        there.close()

    def step(self) -> float:
        """Its CPU seconds."""
        self.pipe.send(None)
        seconds: float = self.pipe.recv()
        return seconds

    def close(self) -> None:
        self.pipe.close()
        self.process.join()


def serve(pipe: Connection, name: str, document: dict[str, Any], x: np.ndarray, y: np.ndarray) -> None:
    """A step whenever it is asked for one, until the other end closes."""
    channels = x.shape[3]
    mean, std = torch.full((channels, 1, 1), 0.5), torch.full((channels, 1, 1), 0.25)
    module = build(graph_json.from_document(document), 0)
    steps: Iterator[Tensor | None]
    if name == PLAIN:
        torch.set_num_threads(1)
        pictures = Pictures(x if channels > 1 else x[..., 0], y, mean, std)
        steps = plain_steps(module, DataLoader(pictures, BATCH, shuffle=True))
    else:
        settle_torch()  # as an evaluator does, and the next line
        heap.keep()
        images = Tensors(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y), 255.0, mean, std)
        steps = our_steps(module, images, name)
    with suppress(EOFError):
        while True:
            pipe.recv()
            started = time.process_time()
            next(steps)
            pipe.send(time.process_time() - started)


def plain_steps(module: nn.Module, batches: "DataLoader[tuple[Tensor, int]]") -> Iterator[None]:
    """As tutorials have it: PIL images through a DataLoader, SGD with momentum."""
    optimizer = torch.optim.SGD(module.parameters(), lr=RATE, momentum=0.9)
    module.train()
    while True:
        for images, targets in batches:
            optimizer.zero_grad()
            functional.cross_entropy(module(images), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            yield


def our_steps(module: nn.Module, images: Tensors, precision: str) -> Iterator[Tensor | None]:
    recipe = Recipe(epochs=1000, batch_size=BATCH, precision=precision)
    course = TrainingLoop(module, images, recipe, 0, None, module, None)
    for epoch in range(1, recipe.epochs):
        yield from course.steps(epoch)

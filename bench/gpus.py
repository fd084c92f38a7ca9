"""Candidates a minute on a GPU, 32×32 images: our evaluator there, the same on a CPU, and a plain loop on the same GPU.

A candidate is a random chain network, trained, validated and stored as a search does it; the plain loop is that of a
tutorial: PIL images through a DataLoader with worker processes, SGD, validation after each epoch, nothing stored. The
same networks, images, epochs and batch on all sides. Skipped where there is no GPU; `figures` runs on any device.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from architectures import spaces
from architectures.ir import json as graph_json
from architectures.ir.graph import Graph
from architectures.nets.module import build
from architectures.spaces.limits import Limits
from bench.epochs import BATCH, RATE
from bench.natural import NATURAL, Pictures, classes, decoded
from nasportal.lib.machine import cores
from searches.engine.executors.executor import JobFinished
from searches.engine.executors.gpu_slots import GpuSlots
from searches.engine.executors.process_executor import ProcessExecutor
from searches.engine.hardware import gpus
from searches.evaluation.evaluator import dataset_of, perform, proxy_batch, split_of
from searches.evaluation.job import Job
from searches.evaluation.training.device import OPTION

SIDE, CHANNELS, CLASSES = 32, 3, 10
IMAGES, EPOCHS, NETWORKS = 10_000, 3, 12
WORKERS = min(8, cores())  # of the plain loop's DataLoaders
ON_CPU = 2  # networks: they take long there
AT_ONCE = (1, 2, 4, 8)  # evaluators on one device
LIMITS = Limits(min_params=20_000, max_flops=80_000_000)


def run() -> dict[str, Any]:
    if not torch.cuda.is_available():
        return {"skipped": "needs a CUDA device, and torch sees none"}
    on_gpu = figures("cuda", IMAGES, EPOCHS, NETWORKS)
    on_cpu = figures("cpu", IMAGES, EPOCHS, ON_CPU, workers=None)
    found: dict[str, Any] = {"device": torch.cuda.get_device_name(), "on_gpu": on_gpu, "on_cpu_one_thread": on_cpu}
    found["times_the_plain_loop"] = round(on_gpu["ours_a_minute"] / on_gpu["plain_a_minute"], 2)
    found["times_the_cpu"] = round(on_gpu["ours_a_minute"] / on_cpu["ours_a_minute"], 2)
    if there := gpus():
        found["evaluators_on_one_device"] = {count: at_once(count, there[0].name) for count in AT_ONCE}
    return found


def figures(
    device: str, images: int = IMAGES, epochs: int = EPOCHS, networks: int = NETWORKS, *, workers: int | None = WORKERS
) -> dict[str, float]:
    """Candidates a minute; on each side a network is trained before the clock runs. No ``workers``: no plain loop."""
    torch.set_num_threads(1)
    x, y = pictures(images)
    graphs = candidates(networks + 1)
    with tempfile.TemporaryDirectory() as name, on(device):
        folder = Path(name)
        np.savez(folder / "images.npz", x=x, y=y)
        jobs = [Job.from_document(document(number, graph, epochs, folder)) for number, graph in enumerate(graphs)]
        found = {"ours_a_minute": a_minute([lambda job=job: ours(job) for job in jobs])}
        if workers is not None:
            training, validation = (len(dataset_of(jobs[0].dataset).splits[part]) for part in ("train", "validation"))
            loaders = plain_loaders(x, y, training, validation, workers)
            found["plain_a_minute"] = a_minute(
                [lambda graph=graph: plain(graph, epochs, torch.device(device), *loaders) for graph in graphs]
            )
    return found


def a_minute(trainings: list[Any]) -> float:
    first, *others = trainings
    first()
    started = time.perf_counter()
    for training in others:
        training()
    return round(60 * len(others) / (time.perf_counter() - started), 2)


@contextmanager
def on(device: str) -> Iterator[None]:
    """For evaluators in this process; what they keep of a data set lies on the device before."""
    before = os.environ.get(OPTION)
    os.environ[OPTION] = device
    kept = (dataset_of, split_of, proxy_batch)
    try:
        for each in kept:
            each.cache_clear()
        yield
    finally:
        for each in kept:
            each.cache_clear()
        os.environ.pop(OPTION)
        if before is not None:
            os.environ[OPTION] = before


def pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Natural ones where they are, else noise of their shape."""
    if NATURAL.exists():
        images = [np.asarray(picture) for picture, _ in zip(decoded("train"), range(count), strict=False)]
        return np.stack(images), classes("train")[: len(images)]
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (count, SIDE, SIDE, CHANNELS), dtype=np.uint8)
    return x, np.arange(count) % CLASSES


def candidates(count: int) -> list[Graph]:
    space = spaces.create("chain", (CHANNELS, SIDE, SIDE), CLASSES)
    return [space.decode(space.sample(Random(seed), LIMITS)) for seed in range(count)]


def document(number: int, graph: Graph, epochs: int, folder: Path) -> dict[str, Any]:
    training = {"epochs": epochs, "batch_size": BATCH, "augmentation": "none"}
    return {"kind": "evaluate", "number": number, "fidelity": epochs, "graph": graph_json.to_document(graph),
            "dataset": str(folder / "images.npz"), "training": training, "seed": number,
            "folder": str(folder)}  # fmt: skip


def ours(job: Job) -> None:
    result = perform(job, lambda moment: None)
    assert result.status == "done", result.reason


def plain_loaders(x: np.ndarray, y: np.ndarray, training: int, validation: int, workers: int) -> tuple[Any, Any]:
    """As many images as ours are; each side has a test part that is not touched."""
    mean, std = torch.full((CHANNELS, 1, 1), 0.5), torch.full((CHANNELS, 1, 1), 0.25)
    more: dict[str, Any] = {"pin_memory": torch.cuda.is_available()}
    if workers:  # a fork of a process that has used CUDA or torch's threads may hang
        more |= {"num_workers": workers, "persistent_workers": True, "multiprocessing_context": "forkserver"}
    first, last = Pictures(x[:training], y[:training], mean, std), Pictures(x[-validation:], y[-validation:], mean, std)
    return DataLoader(first, BATCH, shuffle=True, **more), DataLoader(last, 256, **more)


def plain(graph: Graph, epochs: int, place: torch.device, training: Any, validation: Any) -> float:
    module = build(graph, 0).to(place)
    optimizer = torch.optim.SGD(module.parameters(), lr=RATE, momentum=0.9)
    right = 0
    for _ in range(epochs):
        module.train()
        for images, targets in training:
            optimizer.zero_grad()
            loss = functional.cross_entropy(module(images.to(place)), targets.to(place))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        module.eval()
        with torch.inference_mode():
            right = sum(
                int((module(images.to(place)).argmax(1) == targets.to(place)).sum()) for images, targets in validation
            )
    return right / len(validation.dataset)


def at_once(count: int, gpu: str) -> float:
    """Candidates a minute of so many evaluator processes on one device."""
    graphs = candidates(NETWORKS)
    executor = ProcessExecutor(count, slots=GpuSlots({gpu: count}))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        x, y = pictures(IMAGES)
        np.savez(folder / "images.npz", x=x, y=y)
        jobs = [document(number, graph, EPOCHS, folder) for number, graph in enumerate(graphs)]
        try:
            finish(executor, [job | {"number": -1 - place} for place, job in enumerate(jobs[:count])])
            started = time.perf_counter()
            finish(executor, jobs)
            return round(60 * len(jobs) / (time.perf_counter() - started), 2)
        finally:
            executor.close()


def finish(executor: ProcessExecutor, jobs: list[dict[str, Any]]) -> None:
    waiting, left = list(jobs), len(jobs)
    while left:
        while waiting and executor.room > 0:
            executor.submit(waiting.pop())
        if isinstance(message := executor.receive(60), JobFinished):
            assert message.status == "done", message.reason
            left -= 1

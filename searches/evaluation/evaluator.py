"""Does one job: trains and measures a candidate, or reads the test split once for stored weights."""

import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from architectures.ir import json as graph_json
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from architectures.nets.module import build
from searches.evaluation import datasets
from searches.evaluation.augmentation import augmentation_for
from searches.evaluation.files import read_file, write_file
from searches.evaluation.job import Job, JobError, Result, StoredFile
from searches.evaluation.measure import measured
from searches.evaluation.process import limited_memory
from searches.evaluation.recipe import counted_cost
from searches.evaluation.tensors import Tensors, tensors
from searches.evaluation.trainer import Diverged, Moment, OutOfTime, Trained, accuracy, train

MIB = 2**20


class TooLarge(Exception):
    """The candidate does not fit; known from counted numbers, before anything is allocated."""


@lru_cache(maxsize=2)
def dataset_of(name: str) -> datasets.DataSet:
    """A warm evaluator reads a data set once."""
    return datasets.open(name)


@lru_cache(maxsize=4)
def split_of(name: str, split: str) -> Tensors:
    return tensors(dataset_of(name), split)


def perform(job: Job, watch: Callable[[Moment], None], memory_limit_bytes: int | None = None) -> Result:
    """``memory_limit_bytes`` guards the training of a candidate whose estimate was too small."""
    graph = graph_json.from_document(dict(job.graph))
    dataset = dataset_of(job.dataset)
    if (graph.input_shape, graph.classes) != (dataset.input_shape, dataset.classes):
        raise JobError(
            f"the network takes {graph.input_shape} to {graph.classes} classes, "
            f"but {dataset.name} has {dataset.input_shape} and {dataset.classes}"
        )
    return test(job, graph) if job.kind == "test" else evaluate(job, graph, watch, memory_limit_bytes)


def evaluate(job: Job, graph: Graph, watch: Callable[[Moment], None], memory_limit_bytes: int | None) -> Result:
    started = time.monotonic()
    counted = complexity(graph)
    training = split_of(job.dataset, "train")
    cost = counted_cost(counted.macs, len(training), job.training.epochs)
    module: nn.Module | None = None
    trained: Trained | None = None
    reason = ""
    try:
        check_cost(job, cost)
        check_memory(job, counted)
        module = build(graph, job.seed)
        trained = fit(job, module, training, watch, memory_limit_bytes)
    except (Diverged, OutOfTime, TooLarge) as failure:
        reason = str(failure)
    except (MemoryError, RuntimeError) as failure:
        reason = out_of_memory(failure)
    values, details = measured(graph, counted, module if trained else None, job.objectives, job.target)
    if trained is None or module is None:
        return Result(
            "evaluate", job.number, job.fidelity, "failed", reason, values, details, time.monotonic() - started, cost
        )
    weights = store(job, graph, module)
    curve = tuple((row.epoch, row.train_loss, row.validation_accuracy) for row in trained.curve)
    return Result(
        "evaluate",
        job.number,
        job.fidelity,
        "done",
        "",
        {"accuracy": trained.accuracy, **values},
        {**details, "training_seconds": round(trained.seconds, 3)},
        time.monotonic() - started,
        cost,
        curve,
        {"weights": weights},
    )


def fit(
    job: Job, module: nn.Module, training: Tensors, watch: Callable[[Moment], None], memory_limit_bytes: int | None
) -> Trained:
    validation = split_of(job.dataset, "validation")
    augment = augmentation_for(job.training, dataset_of(job.dataset))
    with limited_memory(memory_limit_bytes):
        return train(
            module,
            training,
            validation,
            job.training,
            job.seed,
            augment=augment,
            guard_seconds=job.deadline.seconds,
            watch=watch,
        )


def check_cost(job: Job, cost: int) -> None:
    if job.deadline.cost is not None and cost > job.deadline.cost:
        raise TooLarge(f"its training costs {cost:,} multiply-adds; the deadline allows {job.deadline.cost:,}")


def check_memory(job: Job, counted: Complexity) -> None:
    """By estimate: activations that backward needs, for a batch, and weights with gradients and momentum."""
    if job.memory_limit_bytes is None:
        return
    needed = counted.training_peak_bytes * job.training.batch_size + 3 * counted.weight_bytes
    if needed > job.memory_limit_bytes:
        raise TooLarge(
            f"its training needs about {needed / MIB:,.0f} MiB; "
            f"an evaluator has {job.memory_limit_bytes / MIB:,.0f} MiB"
        )


def out_of_memory(failure: BaseException) -> str:
    """Torch reports a refused allocation as a RuntimeError; any other one is a fault of ours and goes up."""
    text = str(failure)
    if isinstance(failure, MemoryError) or "allocate memory" in text or "not enough memory" in text:
        return "out of memory while training; a smaller batch or network fits"
    raise failure


def store(job: Job, graph: Graph, module: nn.Module) -> StoredFile:
    name = f"weights/{fingerprint(graph)}-{job.fidelity}.safetensors"
    state = {key: value.contiguous() for key, value in module.state_dict().items()}
    return StoredFile(name, write_file(job.folder / name, safetensors.torch.save(state)))


def test(job: Job, graph: Graph) -> Result:
    if job.weights is None:
        raise JobError("a test job needs the weights that were stored")
    started = time.monotonic()
    module = load(graph, job.folder / job.weights.path, job.weights.sha256)
    values = {"test_accuracy": accuracy(module, split_of(job.dataset, "test"))}
    return Result("test", job.number, job.fidelity, "done", "", values, seconds=time.monotonic() - started)


def load(graph: Graph, path: Path, sha256: str) -> nn.Module:
    """A trained network, its weights held against their hash."""
    module = build(graph)
    module.load_state_dict(safetensors.torch.load(read_file(path, sha256)))
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module.eval()

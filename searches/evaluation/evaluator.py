"""Does one job: trains and measures a candidate, scores it without, or reads the test split for stored weights."""

import hashlib
import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from architectures.ir import json as graph_json
from architectures.ir.complexity import Complexity, complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from architectures.nets.module import GraphModule, build
from profiling.meters.mailbox import NotMeasured
from searches.evaluation import datasets
from searches.evaluation.curves import convergence_epochs
from searches.evaluation.datasets.mapped import is_mapped, memory_mapped
from searches.evaluation.fidelity import SUPERNET
from searches.evaluation.files import FileDamaged, read_file, write_file
from searches.evaluation.job import Job, JobError, Result, StoredFile
from searches.evaluation.objective_values import Details, Values, measured
from searches.evaluation.proxies import BATCH as PROXY_BATCH
from searches.evaluation.proxies import PROXIES
from searches.evaluation.supernet.single_path import judged, shared_weights
from searches.evaluation.training.augmentation import augmentation_for
from searches.evaluation.training.checkpoints import Checkpointer
from searches.evaluation.training.ddp import ProcessGroup
from searches.evaluation.training.ddp_launch import process_group_of
from searches.evaluation.training.device import device, limited
from searches.evaluation.training.gradient_checkpointing import Checkpointed, once_of_two, training_bytes
from searches.evaluation.training.recipe import RECIPE_VERSION, counted_cost, scoring_cost
from searches.evaluation.training.tensors import Tensors, tensors
from searches.evaluation.training.trainer import Diverged, OutOfTime, Trained, TrainingProgress, accuracy, train
from searches.evaluation.training.weight_inheritance import inherit

MIB = 2**20
LOWEST = -1e9  # of a proxy: a network that it cannot score; JSON has no infinity
LEAD_SECONDS = 5.0  # for the leader of a training to record a failure that its replicas share


class TooLarge(Exception):
    """The candidate does not fit; known from counted numbers, before anything is allocated."""


class ParentMissing(Exception):
    """The weights that a child begins with are gone: who asks may train the parent again, or do without it."""


@lru_cache(maxsize=2)
def dataset_of(name: str) -> datasets.DataSet:
    """A warm evaluator reads a dataset once; a large one is mapped, and the machine's evaluators share its pages."""
    return memory_mapped(datasets.open(name))


@lru_cache(maxsize=4)
def split_of(name: str, split: str) -> Tensors:
    wanted = device()
    held = dataset_of(name)
    return tensors(held, split).to(wanted, with_images=not is_mapped(held))


def perform(job: Job, watch: Callable[[TrainingProgress], None], memory_limit_bytes: int | None = None) -> Result:
    """Performs a job; ``memory_limit_bytes`` guards the training of a candidate whose estimate was too small.

    Raises JobError where the network does not fit the dataset.
    """
    graph = graph_json.from_document(dict(job.graph))
    dataset = dataset_of(job.dataset)
    if (graph.input_shape, graph.classes) != (dataset.input_shape, dataset.classes):
        raise JobError(
            f"the network takes {graph.input_shape} to {graph.classes} classes, "
            f"but {dataset.name} has {dataset.input_shape} and {dataset.classes}"
        )
    if job.kind == "test":
        return test(job, graph)
    return Attempt(job, graph, watch, memory_limit_bytes).result()


def assist(job: Job, group: ProcessGroup, memory_limit_bytes: int | None) -> None:
    """One replica of a training; its results are the leader's."""
    Attempt(job, graph_json.from_document(dict(job.graph)), ignore, memory_limit_bytes).assist(group)


def ignore(progress: TrainingProgress) -> None:
    """Nobody watches a replica."""


class Attempt:
    """What is done to one candidate; its own failure becomes a result with its reason."""

    def __init__(
        self, job: Job, graph: Graph, watch: Callable[[TrainingProgress], None], memory_limit_bytes: int | None
    ) -> None:
        self.job, self.graph, self.watch, self.memory_limit_bytes = job, graph, watch, memory_limit_bytes
        self.started = time.monotonic()
        self.counted = complexity(graph)
        self.training = split_of(job.dataset, "train").reduced(job.training.share)
        self.details: dict[str, object] = {}
        self.inputs: dict[str, str] = {}

    def result(self) -> Result:
        work = {"proxies": self.score, SUPERNET: self.score_inherited}.get(self.job.kind, self.train)
        reason = ""
        try:
            return work()
        except (Diverged, OutOfTime, TooLarge, ParentMissing, NotMeasured) as failure:
            reason = str(failure)
        except (MemoryError, RuntimeError) as failure:
            reason = out_of_memory(failure)
        values, details = measured(self.graph, self.counted, None, self.job.objectives, self.job.target)
        return self.answer("failed", reason, values, details)

    def answer(self, status: str, reason: str, values: Values, details: Details, **more: Any) -> Result:
        job = self.job
        return Result(
            job.kind, job.number, job.fidelity, status, reason, values, {**details, **self.details},
            time.monotonic() - self.started, self.cost, inputs=self.inputs, **more,
        )  # fmt: skip

    @property
    def cost(self) -> int:
        """Returns the cost as the engine counts it: by the share, not by the rounding in each class."""
        recipe, splits = self.job.training, dataset_of(self.job.dataset).splits
        images = recipe.images(len(splits["train"]))
        if self.job.kind == "proxies":
            return counted_cost(self.counted.macs, PROXY_BATCH, len(self.job.proxies or PROXIES))
        if self.job.kind == SUPERNET:
            return scoring_cost(self.counted.macs, images, len(splits["validation"]))
        return counted_cost(self.counted.macs, images, recipe.epochs)

    # Training

    def train(self) -> Result:
        check_cost(self.job, self.cost)
        is_checkpointed = check_memory(self.job, self.graph, self.counted)
        module = build(self.graph, self.job.seed)
        key = self.key(self.inherit(module))
        if is_checkpointed:
            self.details["checkpointed"] = True
        if self.job.replicas > 1:
            self.details["replicas"] = self.job.replicas
        trained = self.fit(module, key, is_checkpointed)
        module.to("cpu")
        values, details = measured(
            self.graph, self.counted, module, self.job.objectives, self.job.target, self.job.folder
        )
        curve = tuple((row.epoch, row.train_loss, row.validation_accuracy) for row in trained.curve)
        details |= {"training_seconds": round(trained.seconds, 3), "convergence_epochs": convergence_epochs(curve)}
        details["precision"] = trained.precision
        if (flow := self.flow()) is not None:
            details["synflow"] = flow
        weights = store(self.job, self.graph, module)
        values = {"accuracy": trained.accuracy, **values}
        return self.answer("done", "", values, details, curve=curve, files={"weights": weights})

    def flow(self) -> float | None:
        """Scores the untrained network: a few milliseconds that halve the error of an extrapolated accuracy."""
        images, targets = proxy_batch(self.job.dataset)
        score = PROXIES["synflow"](build(self.graph, self.job.seed), images.cpu(), targets.cpu())
        return round(score, 4) if math.isfinite(score) else None

    def inherit(self, module: nn.Module) -> str:
        """Takes the parent's weights over, where there are some, and returns their hash.

        Raises ParentMissing where they cannot be read.
        """
        parent = self.job.parent
        if not self.job.training.inherit or parent is None:
            return ""
        graph = graph_json.from_document(dict(parent.graph))
        try:
            weights = safetensors.torch.load(read_file(self.job.folder / parent.weights.path, parent.weights.sha256))
        except FileDamaged as damage:
            raise ParentMissing(f"its parent's weights cannot be read: {damage}") from damage
        self.inputs[parent.weights.path] = parent.weights.sha256
        self.details["inherited"] = round(inherit(module, self.graph, graph, weights), 4)
        return parent.weights.sha256

    def key(self, inherited: str) -> str:
        """All that decides a training's weights, for the file that it goes on from after a kill."""
        data = dataset_of(self.job.dataset)
        facts = [self.job.training.to_document(), self.job.seed, fingerprint(self.graph), inherited]
        facts += [data.sha256, data.split_sha256, RECIPE_VERSION, str(self.training.device)]
        facts += [self.job.replicas] if self.job.replicas > 1 else []
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def fit(self, module: GraphModule, key: str, is_checkpointed: bool) -> Trained:
        checkpointer = self.checkpointer(key)
        try:
            with process_group_of(self.job, self.training.device, self.memory_limit_bytes) as group:
                return self.training_loop(module, checkpointer, is_checkpointed, group)
        except (Diverged, OutOfTime, MemoryError, RuntimeError):
            checkpointer.discard()  # the verdict is recorded: nobody goes on from here
            raise

    def assist(self, group: ProcessGroup) -> None:
        """One replica's share of the training that another process leads."""
        is_checkpointed = check_memory(self.job, self.graph, self.counted)
        module = build(self.graph, self.job.seed)
        checkpointer = self.checkpointer(self.key(self.inherit(module)))
        try:
            self.training_loop(module, checkpointer, is_checkpointed, group)
        except Diverged:
            return  # all replicas know the same mean loss, and the leader records it
        except (MemoryError, RuntimeError):
            time.sleep(LEAD_SECONDS)
            raise

    def checkpointer(self, key: str) -> Checkpointer:
        return Checkpointer(self.job.folder / f"checkpoints/{fingerprint(self.graph)}-{self.job.fidelity}", key)

    def training_loop(
        self, module: GraphModule, checkpointer: Checkpointer, is_checkpointed: bool, group: ProcessGroup
    ) -> Trained:
        job = self.job
        correction = once_of_two(module) if is_checkpointed else nullcontext()
        with limited(self.training.device, self.memory_limit_bytes), correction:
            return train(
                module,
                self.training,
                split_of(job.dataset, "validation"),
                job.training,
                job.seed,
                augment=augmentation_for(job.training, dataset_of(job.dataset)),
                guard_seconds=job.deadline.seconds if group.is_main else None,
                watch=self.watch if group.is_main else None,
                forward=Checkpointed(module, self.graph) if is_checkpointed else None,
                checkpointer=checkpointer,
                group=group,
            )

    # Scoring

    def score(self) -> Result:
        """Scores the untrained network on the same images of the training split for every candidate.

        Raises JobError where a proxy is unknown.
        """
        names = self.job.proxies or tuple(PROXIES)
        if unknown := set(names) - set(PROXIES):
            raise JobError(f"no proxy is named {sorted(unknown)[0]!r}; there are: {', '.join(PROXIES)}")
        images, targets = proxy_batch(self.job.dataset)
        values, details = measured(self.graph, self.counted, None, (), self.job.target)
        with limited(images.device, self.memory_limit_bytes):
            for name in names:
                score = PROXIES[name](build(self.graph, self.job.seed).to(images.device), images, targets)
                values[name] = score if math.isfinite(score) else LOWEST
        return self.answer("done", "", values, details)

    def score_inherited(self) -> Result:
        """Scores with a supernet's weights: an accuracy that only ranks, and stands under the supernet's own name.

        Raises JobError where the job names no weights.
        """
        state = self.job.weights
        if state is None:
            raise JobError("a supernet job needs the state of the supernet that was trained")
        values, details = measured(self.graph, self.counted, None, (), self.job.target)
        shared = shared_weights(self.job.folder / state.path, state.sha256)
        self.inputs[state.path] = state.sha256
        with limited(self.training.device, self.memory_limit_bytes):
            values[SUPERNET] = judged(shared, self.graph, self.training, split_of(self.job.dataset, "validation"))
        return self.answer("done", "", values, details)


@lru_cache(maxsize=2)
def proxy_batch(dataset: str) -> tuple[Tensor, Tensor]:
    """Returns training images (N, C, H, W) and class numbers (N,), drawn: files often hold one class after another."""
    training = split_of(dataset, "train")
    rows = torch.randperm(len(training), generator=torch.Generator().manual_seed(0))[:PROXY_BATCH]
    return training.batch(rows), training.classes_of(rows)


def check_cost(job: Job, cost: int) -> None:
    """Refuses a job above its deadline, in multiply-adds. Raises TooLarge where it costs more."""
    if job.deadline.cost is not None and cost > job.deadline.cost:
        raise TooLarge(f"its training costs {cost:,} multiply-adds; the deadline allows {job.deadline.cost:,}")


def check_memory(job: Job, graph: Graph, counted: Complexity) -> bool:
    """Estimates the training's memory: activations for the backward pass of a batch, weights, gradients and momentum.

    What fits only with gradient checkpointing is trained with it (True). Raises TooLarge where not even that fits.
    """
    if job.memory_limit_bytes is None:
        return False
    weights = 3 * counted.weight_bytes
    needed = counted.training_peak_bytes * job.training.batch_size + weights
    if needed <= job.memory_limit_bytes:
        return False
    least = min(needed, training_bytes(graph, counted) * job.training.batch_size + weights)
    if least <= job.memory_limit_bytes:
        return True
    raise TooLarge(
        f"its training needs about {least / MIB:,.0f} MiB; an evaluator has {job.memory_limit_bytes / MIB:,.0f} MiB"
    )


def out_of_memory(failure: BaseException) -> str:
    """Torch reports a refused allocation as a RuntimeError; any other one is a fault of ours and goes up."""
    text = str(failure)
    if isinstance(failure, torch.OutOfMemoryError):  # a GPU's; what the candidate held is free for the next one
        torch.cuda.empty_cache()
        return "out of memory while training; a smaller batch or network fits"
    if isinstance(failure, MemoryError) or "allocate memory" in text or "not enough memory" in text:
        return "out of memory while training; a smaller batch or network fits"
    raise failure


def store(job: Job, graph: Graph, module: nn.Module) -> StoredFile:
    name = f"weights/{fingerprint(graph)}-{job.fidelity}.safetensors"
    state = {key: value.contiguous() for key, value in module.state_dict().items()}
    return StoredFile(name, write_file(job.folder / name, safetensors.torch.save(state)))


def test(job: Job, graph: Graph) -> Result:
    """Measures stored weights on the test split. Raises JobError where the job names no weights."""
    if job.weights is None:
        raise JobError("a test job needs the weights that were stored")
    started = time.monotonic()
    module = load(graph, job.folder / job.weights.path, job.weights.sha256)
    values = {"test_accuracy": accuracy(module, split_of(job.dataset, "test"))}
    read = {job.weights.path: job.weights.sha256}
    return Result("test", job.number, job.fidelity, "done", "", values, seconds=time.monotonic() - started, inputs=read)


def load(graph: Graph, path: Path, sha256: str) -> nn.Module:
    """A trained network, its weights held against their hash."""
    module = build(graph)
    module.load_state_dict(safetensors.torch.load(read_file(path, sha256)))
    module.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module.eval()

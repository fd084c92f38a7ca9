"""Trains one network by a recipe: annealed one-cycle training (Smith 2017, arXiv 1708.07120) on tensors held in memory.

The same module, tensors, recipe and seed give the same bits on one kind of machine with one thread.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from searches.evaluation.training.checkpoints import Checkpointer, restore, state_of
from searches.evaluation.training.cpu_kernels import quick_kernels
from searches.evaluation.training.ddp import ProcessGroup
from searches.evaluation.training.device import precision
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import Tensors

GRADIENT_NORM = 5.0  # above it a step is shortened: a batch norm over constant pixels multiplies gradients by 300
HOPELESS_LOSS = 50.0  # a mean over an epoch; smoothed cross-entropy of a guess is about 2.3 for ten classes
RECALIBRATION_IMAGES = 2048
EVALUATION_BATCH = 256
LOOK_SECONDS = 0.25  # between two looks at a training on a GPU


class Diverged(Exception):
    """The training left the finite numbers; the reason is recorded with the candidate."""


class OutOfTime(Exception):
    """The clock guard rang; its verdict is recorded and never repeated."""


@dataclass(frozen=True)
class EpochRecord:
    epoch: int
    train_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class TrainingProgress:
    """The position and the figures of a training, for its observers."""

    epoch: int
    epochs: int
    loss: float
    accuracy: float | None  # of the last finished epoch
    seconds_left: float


@dataclass
class Trained:
    accuracy: float
    curve: list[EpochRecord] = field(default_factory=list)
    seconds: float = 0.0
    precision: str = "float32"  # of its products


Watcher = Callable[[TrainingProgress], None]


def train(
    module: nn.Module,
    training: Tensors,
    validation: Tensors,
    recipe: Recipe,
    seed: int,
    *,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    guard_seconds: float | None = None,
    watch: Watcher | None = None,
    forward: nn.Module | None = None,
    checkpointer: Checkpointer | None = None,
    group: ProcessGroup | None = None,
) -> Trained:
    """Trains in place; accuracy is on the validation split, after recalibration. Raises Diverged or OutOfTime.

    ``augment`` maps images (N, C, H, W) to the same shape. ``forward`` runs the module's layers in another way
    (gradient checkpointing); ``checkpointer`` goes on after a kill. Where a ``group`` trains, its main process alone
    has final weights and an accuracy.
    """
    training_loop = TrainingLoop(module, training, recipe, seed, augment, forward or module, checkpointer, group)
    return training_loop.run(validation, guard_seconds, watch)


class TrainingLoop:
    """One training: what an epoch hands on to the next one, and the epochs themselves."""

    def __init__(
        self,
        module: nn.Module,
        training: Tensors,
        recipe: Recipe,
        seed: int,
        augment: Callable[[Tensor, torch.Generator], Tensor] | None,
        forward: nn.Module,
        checkpointer: Checkpointer | None,
        group: ProcessGroup | None = None,
    ) -> None:
        torch.manual_seed(seed)  # dropout draws from the global generator
        self.module = module.to(training.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.training, self.recipe, self.augment = training, recipe, augment
        self.group = group or ProcessGroup()
        self.forward = self.group.parallel(forward)
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = make_optimizer(module, recipe)
        kind = precision(recipe.precision, training.device, min(training.images.shape[-2:]))
        self.train_step = TrainStep(self.forward, self.optimizer, recipe, training.device, kind)
        self.batches = batches_an_epoch(len(training), recipe.batch_size)
        self.curve: list[EpochRecord] = []
        self.checkpointer = checkpointer
        self.seconds = 0.0  # spent before a kill
        if checkpointer is not None and (kept := checkpointer.kept()) is not None:
            self.go_on(*kept)

    def go_on(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Continues from tensors of a checkpoint, each of its own shape, and its facts."""
        restore(tensors, self.module, self.optimizer, self.generator, self.training.device)
        self.curve = [EpochRecord(*row) for row in facts["curve"]]
        self.seconds = facts["seconds"]
        self.train_step.scaler.load_state_dict(facts["scaler"])

    def keep(self, seconds: float) -> None:
        assert self.checkpointer is not None
        rows = [(each.epoch, each.train_loss, each.validation_accuracy) for each in self.curve]
        facts = {"curve": rows, "seconds": seconds, "scaler": self.train_step.scaler.state_dict()}
        self.checkpointer.keep(state_of(self.module, self.optimizer, self.generator, self.training.device), facts)

    def run(self, validation: Tensors, guard_seconds: float | None, watch: Watcher | None) -> Trained:
        clock = Clock(time.monotonic() - self.seconds, guard_seconds)
        for epoch in range(len(self.curve) + 1, self.recipe.epochs + 1):
            loss = self.epoch(epoch, clock, watch)
            check_loss(loss, epoch)
            if not self.group.is_main:
                self.curve.append(EpochRecord(epoch, loss, math.nan))
                continue
            if epoch == self.recipe.epochs:
                recalibrate(self.module, self.training)
            self.curve.append(EpochRecord(epoch, loss, accuracy(self.module, validation)))
            if self.checkpointer is not None and epoch < self.recipe.epochs:
                self.keep(clock.elapsed)
        if self.group.is_main:
            check_weights(self.module)
        if self.group.is_main and self.checkpointer is not None:
            self.checkpointer.discard()
        kind = str(self.train_step.kind).removeprefix("torch.")
        return Trained(self.curve[-1].validation_accuracy, self.curve, clock.elapsed, kind)

    def epoch(self, epoch: int, clock: "Clock", watch: Watcher | None) -> float:
        """The mean training loss."""
        total = torch.zeros((), device=self.training.device)
        steps, epochs = self.recipe.epochs * self.batches, self.recipe.epochs
        begun = (epoch - 1) * self.batches
        looked = -math.inf
        with self.group.in_step(self.module):
            for step, loss in enumerate(self.steps(epoch), begun + 1):
                total += loss
                clock.check(epoch, epochs)
                if watch is not None and self.is_due(looked):
                    looked = time.monotonic()
                    last = self.curve[-1].validation_accuracy if self.curve else None
                    left = clock.elapsed / step * (steps - step)
                    watch(TrainingProgress(epoch, epochs, float(total) / (step - begun), last, left))
        return float(self.group.mean(total)) / self.batches

    def is_due(self, looked: float) -> bool:
        """Returns whether the loss may be asked for again: a GPU would stand still after each step for it."""
        return self.training.device.type == "cpu" or time.monotonic() - looked >= LOOK_SECONDS

    def steps(self, epoch: int) -> Iterator[Tensor]:
        """Yields the loss of each batch, a scalar, after the optimiser's step on it."""
        self.forward.train()
        with quick_kernels(self.module) if self.training.device.type == "cpu" else nullcontext():
            yield from self._steps((epoch - 1) * self.batches, self.recipe.epochs * self.batches)

    def _steps(self, step: int, steps: int) -> Iterator[Tensor]:
        for rows in shuffled(len(self.training), self.recipe.batch_size, self.generator):
            set_rate(self.optimizer, one_cycle(step, steps, self.recipe))
            pixels = self.training.pixels(rows)
            if self.augment is not None:
                pixels = self.augment(pixels, self.generator)
            self.group.images = len(rows)
            mine = self.group.shard
            images, targets = self.training.normalised(pixels[mine]), self.training.classes_of(rows[mine])
            yield self.train_step.step(images, targets, self.group.weight)
            step += 1


@dataclass(frozen=True)
class Clock:
    """The guard above the counted deadline; what was spent before a kill counts."""

    started: float
    guard_seconds: float | None

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def check(self, epoch: int, epochs: int) -> None:
        """Checks the time. Raises OutOfTime where the training takes longer than `guard_seconds`."""
        if self.guard_seconds is not None and self.elapsed > self.guard_seconds:
            raise OutOfTime(f"stopped by the clock after {self.guard_seconds:g} s, in epoch {epoch} of {epochs}")


class TrainStep:
    """One step of the optimiser, its products in a kind of number; float16 needs its gradients scaled up."""

    def __init__(
        self,
        forward: nn.Module,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        device: torch.device,
        kind: torch.dtype,
    ) -> None:
        self.forward, self.optimizer, self.recipe, self.kind = forward, optimizer, recipe, kind
        self.autocast = torch.autocast(device.type, dtype=kind, enabled=kind != torch.float32)
        self.scaler = torch.amp.GradScaler(device.type, enabled=kind == torch.float16)
        self.parameters = list(forward.parameters())

    def step(self, images: Tensor, targets: Tensor, weight: float = 1.0) -> Tensor:
        """Takes a step on images (N, C, H, W) and class numbers (N,); returns the loss, a scalar.

        ``weight`` is the loss's in a mean over replicas.
        """
        with self.autocast:
            logits = self.forward(images)  # (N, classes)
            loss = functional.cross_entropy(logits, targets, label_smoothing=self.recipe.label_smoothing)
        if weight != 1.0:
            loss = loss * weight
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.parameters, GRADIENT_NORM, foreach=True)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()


def make_optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Norms and biases are not decayed: it would only shrink their scale."""
    decayed = [weight for weight in module.parameters() if weight.ndim > 1]
    free = [weight for weight in module.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    return torch.optim.SGD(
        groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    )


def one_cycle(step: int, steps: int, recipe: Recipe) -> float:
    """Linear up to the peak, linear down to nearly zero with the last step."""
    peak = max(1.0, recipe.warmup * steps)
    rise = (step + 1) / peak
    fall = (steps - step) / max(1.0, steps - peak + 1)
    return recipe.learning_rate * min(1.0, rise, fall)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def batches_an_epoch(images: int, batch_size: int) -> int:
    return max(1, images // batch_size)


def shuffled(images: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yields rows (batch_size,) in random order.

    Whole batches only: a last batch of one image has no variance for a batch norm at 1×1 pixels.
    """
    order = torch.randperm(images, generator=generator)
    for start in range(0, batches_an_epoch(images, batch_size) * batch_size, batch_size):
        yield order[start : start + batch_size]


def check_loss(loss: float, epoch: int) -> None:
    """Checks the loss of an epoch. Raises Diverged where it is not finite or above HOPELESS_LOSS."""
    if not math.isfinite(loss):
        raise Diverged(f"diverged: the training loss is {loss} in epoch {epoch}")
    if loss > HOPELESS_LOSS:
        raise Diverged(
            f"exploded: the training loss is {loss:.3g} in epoch {epoch}; at most {HOPELESS_LOSS:g} is followed"
        )


def check_weights(module: nn.Module) -> None:
    """Checks all weights. Raises Diverged where one is not finite."""
    for name, weight in module.state_dict().items():
        if not bool(torch.isfinite(weight).all()):
            raise Diverged(f"diverged: {name} holds values that are not finite")


@torch.no_grad()
def recalibrate(module: nn.Module, training: Tensors, images: int = RECALIBRATION_IMAGES) -> None:
    """Batch-norm statistics of the final weights, instead of a moving average over weights that have changed since."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    # Drawn, not the first ones: files often hold one class after another. Always the same draw.
    drawn = torch.randperm(len(training), generator=torch.Generator().manual_seed(0))[:images]
    for rows in drawn.tensor_split(math.ceil(len(drawn) / EVALUATION_BATCH)):
        module(training.batch(rows))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()


@torch.inference_mode()
def accuracy(module: nn.Module, split: Tensors) -> float:
    module.eval()
    right = torch.zeros((), dtype=torch.int64, device=split.device)
    for rows in torch.split(torch.arange(len(split)), EVALUATION_BATCH):
        right += (module(split.batch(rows)).argmax(1) == split.classes_of(rows)).sum()
    return int(right) / len(split)

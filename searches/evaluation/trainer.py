"""Trains one network by a recipe: annealed one-cycle training (Smith 2017, 1708.07120) on tensors held in memory.

The same module, tensors, recipe and seed give the same bits on one kind of machine with one thread.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from searches.evaluation.recipe import Recipe
from searches.evaluation.tensors import Tensors

GRADIENT_NORM = 5.0  # above it a step is shortened: a batch norm over constant pixels multiplies gradients by 300
HOPELESS_LOSS = 50.0  # a mean over an epoch; smoothed cross-entropy of a guess is about 2.3 for ten classes
RECALIBRATION_IMAGES = 2048
EVALUATION_BATCH = 256


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
class Moment:
    """Where a training stands, for whoever watches it."""

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


Watcher = Callable[[Moment], None]


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
) -> Trained:
    """Train in place. Raises Diverged or OutOfTime; accuracy is on the validation split, after recalibration."""
    started = time.monotonic()
    torch.manual_seed(seed)  # dropout draws from the global generator
    generator = torch.Generator().manual_seed(seed)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(module, recipe)
    batches = batches_an_epoch(len(training), recipe.batch_size)
    steps = recipe.epochs * batches
    curve: list[EpochRecord] = []
    step = 0
    for epoch in range(1, recipe.epochs + 1):
        module.train()
        total = torch.zeros(())
        for rows in shuffled(len(training), recipe.batch_size, generator):
            set_rate(optimizer, one_cycle(step, steps, recipe))
            pixels = training.pixels(rows)
            if augment is not None:
                pixels = augment(pixels, generator)
            total += train_step(module, optimizer, training.normalised(pixels), training.targets[rows], recipe)
            step += 1
            elapsed = time.monotonic() - started
            if guard_seconds is not None and elapsed > guard_seconds:
                raise OutOfTime(f"stopped by the clock after {guard_seconds:g} s, in epoch {epoch} of {recipe.epochs}")
            if watch is not None:
                mean = float(total) / (step - (epoch - 1) * batches)
                last = curve[-1].validation_accuracy if curve else None
                watch(Moment(epoch, recipe.epochs, mean, last, elapsed / step * (steps - step)))
        loss = float(total) / batches
        check_loss(loss, epoch)
        if epoch == recipe.epochs:
            recalibrate(module, training)
        curve.append(EpochRecord(epoch, loss, accuracy(module, validation)))
    check_weights(module)
    return Trained(curve[-1].validation_accuracy, curve, time.monotonic() - started)


def train_step(
    module: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, targets: Tensor, recipe: Recipe
) -> Tensor:
    logits = module(images)  # (N, classes)
    loss = functional.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(module.parameters(), GRADIENT_NORM, foreach=True)
    optimizer.step()
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
    """Whole batches only: a last batch of one image has no variance for a batch norm at 1×1 pixels."""
    order = torch.randperm(images, generator=generator)
    for start in range(0, batches_an_epoch(images, batch_size) * batch_size, batch_size):
        yield order[start : start + batch_size]


def check_loss(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise Diverged(f"diverged: the training loss is {loss} in epoch {epoch}")
    if loss > HOPELESS_LOSS:
        raise Diverged(
            f"exploded: the training loss is {loss:.3g} in epoch {epoch}; at most {HOPELESS_LOSS:g} is followed"
        )


def check_weights(module: nn.Module) -> None:
    for name, weight in module.state_dict().items():
        if not bool(torch.isfinite(weight).all()):
            raise Diverged(f"diverged: {name} holds values that are not finite")


@torch.no_grad()
def recalibrate(module: nn.Module, training: Tensors) -> None:
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
    drawn = torch.randperm(len(training), generator=torch.Generator().manual_seed(0))[:RECALIBRATION_IMAGES]
    for rows in drawn.tensor_split(math.ceil(len(drawn) / EVALUATION_BATCH)):
        module(training.batch(rows))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.eval()


@torch.inference_mode()
def accuracy(module: nn.Module, split: Tensors) -> float:
    module.eval()
    right = 0
    for rows in torch.split(torch.arange(len(split)), EVALUATION_BATCH):
        right += int((module(split.batch(rows)).argmax(1) == split.targets[rows]).sum())
    return right / len(split)

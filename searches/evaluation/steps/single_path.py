"""A share of a single-path supernet's training. Options: ``epochs``, and ``limits`` that the trained paths keep."""

import math
from dataclasses import replace
from typing import Any

import torch

from architectures import spaces
from architectures.spaces.limits import Limits
from searches.evaluation.evaluator import dataset_of, split_of
from searches.evaluation.job import StepJob, StepResult
from searches.evaluation.steps import Watcher
from searches.evaluation.supernet.single_path import SinglePathSupernet
from searches.evaluation.training.trainer import Diverged, TrainingProgress


def perform(job: StepJob, state: bytes | None, watch: Watcher) -> StepResult:
    """Trains the supernet by one step of its epochs. Raises Diverged where its loss is not finite."""
    dataset = dataset_of(job.dataset)
    options: Any = job.options
    chosen: Any = job.space
    space = spaces.create(chosen["name"], dataset.input_shape, dataset.classes, **chosen["options"])
    recipe = replace(job.training, epochs=options["epochs"])
    limits = Limits(**options["limits"]) if options.get("limits") else None
    # Its weights grow while it trains, and small networks in turn keep no GPU busy: it stays on the CPU.
    training = split_of(job.dataset, "train").reduced(recipe.share).to(torch.device("cpu"))
    supernet = SinglePathSupernet(space, training, recipe, job.seed, state, limits)
    loss, cost = supernet.run()
    epoch = supernet.position / supernet.batches
    if loss is not None and not math.isfinite(loss):
        raise Diverged(f"diverged: the supernet's training loss is {loss}; a lower learning rate keeps it finite")
    watch(TrainingProgress(int(epoch), recipe.epochs, loss or 0.0, None, 0.0))
    report: dict[str, object] = {
        "epoch": round(epoch, 3),
        "epochs": recipe.epochs,
        "loss": loss if loss is None else round(loss, 6),
        "is_done": supernet.is_done,
    }
    return StepResult(report, supernet.state(), cost)

"""A share of a supernet's training: an epoch, or as much of it as a step's time allows."""

import time
from dataclasses import fields
from typing import Any

from architectures import spaces
from searches.evaluation.evaluator import dataset_of, split_of
from searches.evaluation.job import StepJob, StepResult
from searches.evaluation.steps import Watcher
from searches.evaluation.supernet.options import SupernetOptions
from searches.evaluation.supernet.training import SupernetTraining
from searches.evaluation.training.augmentation import augmentation_for
from searches.evaluation.training.trainer import TrainingProgress


def perform(job: StepJob, state: bytes | None, watch: Watcher) -> StepResult:
    dataset = dataset_of(job.dataset)
    known: Any = job.options
    options = SupernetOptions(**{each.name: known[each.name] for each in fields(SupernetOptions) if each.name in known})
    space: Any = job.space
    training = SupernetTraining(
        spaces.create(space["name"], dataset.input_shape, dataset.classes, **space["options"]),
        options,
        split_of(job.dataset, "train").reduced(job.training.share),  # halved there; no other split is read
        job.training.batch_size,
        job.seed,
        state,
        target=known.get("target", "this_machine"),
        augment=augmentation_for(job.training, dataset),
    )
    started, begun = time.monotonic(), training.epoch

    def moment(epoch: float, loss: float) -> None:
        pace = (time.monotonic() - started) / max(epoch - begun, 1e-9)
        watch(TrainingProgress(int(epoch), options.epochs, loss, None, pace * (options.epochs - epoch)))

    report = training.run(moment)
    return StepResult(report, training.state(), report["batches"] * training.batch_cost)

"""A share of a single-path supernet's training; once it is trained, the networks named in the options are judged.

Options: ``epochs``; ``judge``, genotypes; ``known``, measured accuracies of these. The report then tells the accuracy
that each inherits, and Kendall's tau against what is known: whether this rung can be trusted.
"""

from dataclasses import replace
from typing import Any

from architectures import spaces
from searches.evaluation.evaluator import dataset_of, split_of
from searches.evaluation.job import StepJob, StepResult
from searches.evaluation.steps import Watcher
from searches.evaluation.supernet_single_path import SinglePathSupernet, judged, tau
from searches.evaluation.trainer import Moment


def perform(job: StepJob, state: bytes | None, watch: Watcher) -> StepResult:
    dataset = dataset_of(job.dataset)
    options: Any = job.options
    chosen: Any = job.space
    space = spaces.create(chosen["name"], dataset.input_shape, dataset.classes, **chosen["options"])
    recipe = replace(job.training, epochs=options.get("epochs", job.training.epochs))
    supernet = SinglePathSupernet(space, split_of(job.dataset, "train").reduced(recipe.share), recipe, job.seed, state)
    loss, cost = supernet.run()
    epoch = supernet.position / supernet.batches
    watch(Moment(int(epoch), recipe.epochs, loss or 0.0, None, 0.0))
    report: dict[str, object] = {
        "epoch": round(epoch, 3),
        "epochs": recipe.epochs,
        "loss": loss if loss is None else round(loss, 6),
        "is_done": supernet.is_done,
        "judged": [],
        "tau": None,
    }
    if supernet.is_done and options.get("judge"):
        networks = [space.canonical(tuple(each)) for each in options["judge"]]
        rows = judged(supernet, networks, split_of(job.dataset, "validation"))
        report["judged"] = rows
        if known := options.get("known"):
            found = tau([row["accuracy"] for row in rows], known)
            report["tau"] = found if found is None else round(found, 4)
    return StepResult(report, supernet.state(), cost)

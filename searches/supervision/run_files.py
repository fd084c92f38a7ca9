"""Weights and states of runs whose machines share no folder: kept before their row, fetched before an engine.

A supervisor that dies between the two leaves a file that no row names; it goes with its run.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nasportal.lib import file_storage
from searches.engine import events as engine
from searches.engine.step_chain import KEPT
from searches.evaluation.datasets.stored import folder_named, is_upload
from searches.models import SearchRun

log = logging.getLogger(__name__)


def results_keep(run: SearchRun, events: Sequence[engine.Event]) -> None:
    """Keeps what these results left; of the steps' states only the newest ones, as on the disk."""
    if file_storage.shared() is None:
        return
    finished = [each for each in events if isinstance(each, engine.EvaluationFinished | engine.StepFinished)]
    for event in finished:
        for file in event.files.values():
            path = run.folder / file["path"]
            if path.exists():  # an engine that is ahead may have forgotten an old state
                file_storage.keep(path, sha256=file["sha256"])
    steps = Counter(each.step for each in finished if isinstance(each, engine.StepFinished))
    for step, count in steps.items():
        old = run.steps.filter(step=step).order_by("-number").values_list("files", flat=True)
        for files in old[KEPT - 1 : KEPT - 1 + count]:
            for file in files.values():
                file_storage.remove(run.folder / file["path"], sha256=file["sha256"])


def inputs_fetch(run: SearchRun, history: Sequence[Mapping[str, Any]]) -> None:
    """All that an engine goes on from on this machine; what is damaged is said, and made again by the engine."""
    if file_storage.shared() is None:
        return
    if is_upload(run.spec["dataset"]):
        file_storage.fetch_folder(folder_named(run.spec["dataset"]))
    for entry in history:
        for file in entry.get("files", {}).values():
            path = run.folder / file["path"]
            if path.exists():  # engine and evaluators look at its hash before they use it
                continue
            try:
                file_storage.fetch(path, sha256=file["sha256"])
            except file_storage.StoredFileDamaged as fault:
                log.warning("run %s: %s", run.pk, fault)

"""A dataset as the portal keeps it: decoded once, in plain arrays that evaluators map, beside its card.

``upload:`` and 32 hexadecimal digits name one in a spec; the digits are its folder below the data folder.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.downloads import data_folder
from searches.evaluation.datasets.reading.splits import SPLITS

SCHEME = "upload:"
KEY = re.compile(r"[0-9a-f]{32}")
CARD = "card.json"

# Called with the folder of a set that is not here: a portal whose machines share no folder puts its own in.
brings: list[Callable[[Path], object]] = []


def is_upload(text: str) -> bool:
    return text.startswith(SCHEME)


def folder_named(text: str) -> Path:
    """Returns the folder of an uploaded dataset. Raises DataSetError where the key is malformed."""
    key = text.removeprefix(SCHEME)
    if not KEY.fullmatch(key):
        raise DataSetError(
            "an uploaded dataset is named upload: followed by 32 hexadecimal digits; select one in the form"
        )
    return data_folder("uploads") / key


def write(dataset: DataSet, folder: Path) -> None:
    """Whole or not at all: written beside, then renamed."""
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    np.save(partial / "images.npy", dataset.images, allow_pickle=False)
    np.save(partial / "targets.npy", dataset.targets, allow_pickle=False)
    for name in SPLITS:
        np.save(partial / f"{name}.npy", dataset.splits[name], allow_pickle=False)
    document = {"card": dataset.card(), "scale": dataset.scale}
    (partial / CARD).write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    partial.replace(folder)


def card(text: str) -> dict[str, Any]:
    found: dict[str, Any] = document_of(folder_named(text))["card"]
    return found


def document_of(folder: Path) -> Mapping[str, Any]:
    """Reads the card of an uploaded dataset. Raises DataSetError where it is gone."""
    if not (folder / CARD).exists():
        for bring in brings:
            bring(folder)
    try:
        found: Mapping[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataSetError("the uploaded dataset no longer exists; upload it again") from error
    return found


def open_stored(text: str) -> DataSet:
    """Opens an uploaded dataset. Raises DataSetError where a file is damaged or the hash differs."""
    folder = folder_named(text)
    document = document_of(folder)
    known = document["card"]
    try:
        # "c": torch wants memory that it may write to; nothing is written back
        images = np.load(folder / "images.npy", mmap_mode="c", allow_pickle=False)
        targets = np.load(folder / "targets.npy", allow_pickle=False)
        splits = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in SPLITS}
    except (OSError, ValueError) as error:
        raise DataSetError(f"the uploaded dataset {known['name']} is damaged ({error}); upload it again") from error
    found = DataSet(
        known["name"],
        images,
        targets,
        tuple(known["labels"]),
        splits,
        document["scale"],
        known["augmentation"],
        tuple(known["notes"]),
        known["source"],
        known.get("resize", "crop"),
    )
    if found.sha256 != known["sha256"]:
        raise DataSetError(f"the uploaded dataset {known['name']} is damaged (its hash differs); upload it again")
    return found

"""Large datasets lie in a file that is mapped: evaluators of one machine then share one copy of the pixels."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from searches.evaluation.datasets.dataset import DataSet
from searches.evaluation.datasets.downloads import data_folder

LARGEST_RESIDENT_BYTES = 2**28  # of pixels; a smaller set is kept in each evaluator's own memory


def memory_mapped(dataset: DataSet, largest: int = LARGEST_RESIDENT_BYTES) -> DataSet:
    """The dataset itself, or one with equal pixels that are mapped from a file of the data folder."""
    if dataset.images.nbytes <= largest:
        return dataset
    path = data_folder("mapped") / f"{dataset.sha256}.npy"
    mapped = opened(dataset, path)
    if mapped is None:
        try:
            written(dataset, path)
        except OSError:  # no room, or no right to write: then each evaluator has its own copy
            return dataset
        mapped = opened(dataset, path)
    return mapped or dataset


def is_mapped(dataset: DataSet) -> bool:
    return isinstance(dataset.images, np.memmap)


def opened(dataset: DataSet, path: Path) -> DataSet | None:
    """None where there is no file yet, or a damaged one."""
    try:
        images = np.load(path, mmap_mode="c", allow_pickle=False)  # "c": torch wants memory that it may write to
    except (OSError, ValueError):
        return None
    mapped = replace(dataset, images=images)
    return mapped if mapped.sha256 == dataset.sha256 else None


def written(dataset: DataSet, path: Path) -> None:
    """Writes under another name first: a second evaluator must not see half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as stream:
        np.save(stream, dataset.images, allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())
    Path(stream.name).replace(path)

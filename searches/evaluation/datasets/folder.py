"""A folder of image files by class: ``cats/1.png``, or ``train/cats/1.png`` with validation and test beside it."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar

from searches.evaluation.datasets.dataset import DataSet
from searches.evaluation.datasets.reading.idx import Idx
from searches.evaluation.datasets.reading.images import Entry, read_pictures
from searches.evaluation.datasets.reading.resizing import ResizeRule
from searches.evaluation.datasets.registry import readers


@readers.register("folder")
class Folder:
    title: ClassVar[str] = "a folder of images, one folder per class"

    @staticmethod
    def accepts(path: Path) -> bool:
        return path.is_dir() and not Idx.accepts(path)

    def read(self, path: Path, fit: ResizeRule) -> DataSet:
        return read_pictures(path.name, entries(path), f"folder {path.name}", fit)


def entries(root: Path) -> Iterator[Entry]:
    """Plain files only: a link could lead out of the folder, or round in circles."""
    for folder, _, names in os.walk(root, followlinks=False):
        for name in names:
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield Entry(PurePosixPath(path.relative_to(root).as_posix()), path.read_bytes)

"""The registries of built-in datasets and of readers, and the two questions asked of them: open, and facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Protocol

from architectures.registry import Registry, UnknownName
from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.downloads import folder_of
from searches.evaluation.datasets.reading.resizing import ResizeRule, parsed
from searches.evaluation.datasets.reading.splits import SPLITS
from searches.evaluation.datasets.stored import card, is_upload, open_stored


@dataclass(frozen=True)
class Facts:
    """What a form, an estimate or a search space needs to know before any image is read."""

    name: str
    input_shape: tuple[int, int, int]
    classes: int
    sizes: Mapping[str, int]  # images in train, validation and test

    @property
    def images(self) -> int:
        return sum(self.sizes.values())


class BuiltIn(Protocol):
    """A dataset that is known by a name; ``facts`` must equal what ``load`` then returns.

    One of official files names them as ``files`` (and ``places`` where the system may keep them).
    """

    title: ClassVar[str]
    facts: ClassVar[Facts]

    def load(self) -> DataSet: ...


class Reader(Protocol):
    """A kind of file or folder that holds a dataset."""

    title: ClassVar[str]

    @staticmethod
    def accepts(path: Path) -> bool: ...

    def read(self, path: Path, fit: ResizeRule) -> DataSet: ...


datasets: Registry[BuiltIn] = Registry("dataset", "searches.evaluation.datasets")
readers: Registry[Reader] = Registry("dataset format", "searches.evaluation.datasets")


def names() -> tuple[str, ...]:
    return datasets.names()


def describe(name: str) -> str:
    return datasets.get(name).title


def absence(name: str) -> str:
    """Says why a built-in dataset cannot be opened on this machine, and the way out; empty where it can."""
    files = getattr(datasets.get(name), "files", ())
    try:
        if files:
            folder_of(name, files, getattr(datasets.get(name), "places", ()))
    except DataSetError as error:
        return str(error)
    return ""


def available() -> tuple[str, ...]:
    return tuple(name for name in names() if not absence(name))


def open(name_or_path: str | Path) -> DataSet:
    """Opens a built-in dataset by its name, or any npz file, folder or zip by its path, with a resize rule behind it.

    Raises DataSetError where there is none, or no format fits.
    """
    text = str(name_or_path)
    if text in datasets.names():
        return datasets.get(text)().load()
    if is_upload(text):
        return open_stored(text)
    place, fit = parsed(text)
    path = Path(place)
    if not path.exists():
        raise missing(place)
    for format_name in readers.names():
        reader = readers.get(format_name)
        if reader.accepts(path):
            return reader().read(path, fit)
    formats = "; ".join(readers.get(format_name).title for format_name in readers.names())
    raise DataSetError(f"{path.name} is none of the formats that can be read: {formats}")


def exists(name_or_path: str) -> bool:
    """Returns whether there is a file or folder of this path; the rule behind it must be one."""
    return Path(parsed(name_or_path)[0]).exists()


def missing(text: str) -> DataSetError:
    """Returns the error for a name or path that is not there. Raises AssertionError where the name is a dataset's."""
    if "/" in text or "." in text:
        return DataSetError(f"there is no file or folder {text!r}; name an existing one or a built-in dataset")
    try:
        datasets.get(text)
    except UnknownName as error:
        return DataSetError(str(error))
    raise AssertionError(text)


def facts(name_or_path: str | Path) -> Facts:
    """Cheap for a built-in name; a file is opened once and remembered until it changes."""
    text = str(name_or_path)
    if text in datasets.names():
        return datasets.get(text).facts
    if is_upload(text):
        known = card(text)
        return Facts(known["name"], tuple(known["input_shape"]), known["classes"], known["sizes"])
    path = Path(parsed(text)[0])
    if not path.exists():
        raise missing(text)
    stat = path.stat()
    return facts_of_path(text, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=32)
def facts_of_path(text: str, changed: int, size: int) -> Facts:
    return facts_of(open(text))


def facts_of(dataset: DataSet) -> Facts:
    sizes = {name: len(dataset.splits[name]) for name in SPLITS}
    return Facts(dataset.name, dataset.input_shape, dataset.classes, sizes)

"""What a repository is asked to be: one frozen document, written by a run page or by the command line."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from architectures.ir.json import from_document
from architectures.registry import UnknownName
from codegen.frameworks import frameworks, usual
from codegen.licences import DEFAULT, LICENCES

FORMAT = "nas-portal/repository-request"
VERSION = 1
KINDS = ("measured", "estimated", "counted")
MAX_NAME = 200
UPLOAD = "upload:"  # and a key: a data set that a user uploaded, as the portal keeps it
STANDARD = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "svhn")  # the skeleton reads them by name


class RequestError(ValueError):
    """A field of a request that cannot be followed."""

    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(f"{field_name} {message}")
        self.field = field_name


@dataclass(frozen=True)
class Figure:
    """One number of the model card, and how it was got."""

    name: str
    value: float
    unit: str = ""
    kind: str = "measured"
    note: str = ""  # the machine, the split, the interval

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RequestError("results", f"have the kinds {', '.join(KINDS)}, but {self.name!r} is {self.kind!r}")
        if not math.isfinite(self.value):
            raise RequestError("results", f"must be finite, but {self.name!r} is {self.value}")


@dataclass(frozen=True)
class Neighbour:
    """A point of the Pareto front, this one or another."""

    number: int
    values: Mapping[str, float]
    chosen: bool = False


@dataclass(frozen=True)
class RepositoryRequest:
    """All that a repository depends on: an equal request gives the same bytes. Paths are read, never printed."""

    name: str
    architecture: Mapping[str, Any]  # the document of architecture.json
    weights: str | None = None  # a safetensors file; seeded weights without one
    weights_sha256: str | None = None
    seed: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)  # the data set's card
    data_path: str | None = None  # "digits", or a file or folder of this machine
    training: Mapping[str, Any] = field(default_factory=dict)  # the recipe that the candidate was trained with
    results: tuple[Figure, ...] = ()
    objectives: tuple[Mapping[str, str], ...] = ()  # name, direction, unit
    front: tuple[Neighbour, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)  # run, algorithm, seed, budget, lineage, versions
    benchmarks: Mapping[str, Any] | None = None  # a measured waterfall; it stands in the archive as it is given here
    author: str = ""
    licence: str = DEFAULT
    exports: tuple[str, ...] = field(default_factory=usual)
    max_accuracy_drop: float = 0.01  # of int8 against float32

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME:
            raise RequestError("name", f"must have 1 to {MAX_NAME} characters, but has {len(self.name)}")
        if not 0 <= self.max_accuracy_drop <= 1:
            raise RequestError("max_accuracy_drop", f"must be from 0 to 1, but is {self.max_accuracy_drop}")
        if self.licence not in LICENCES:
            raise RequestError("licence", f"must be one of {', '.join(LICENCES)}, but is {self.licence!r}")
        for name in self.exports:
            try:
                frameworks.get(name)
            except UnknownName as error:
                raise RequestError("exports", str(error)) from error
        labels = self.data.get("labels", ())
        classes = self.architecture.get("classes")
        if labels and len(labels) != classes:
            raise RequestError("data.labels", f"must be {classes}, one per class, but are {len(labels)}")

    @property
    def graph(self) -> Graph:
        return from_document(self.architecture)

    def to_document(self) -> dict[str, Any]:
        return {"format": FORMAT, "version": VERSION, **asdict(self)}

    def dumps(self) -> str:
        return json.dumps(self.to_document(), indent=1, sort_keys=True, allow_nan=False)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "RepositoryRequest":
        """Reads a request from its JSON document.

        Raises RequestError where the format differs, or a field is unknown, missing or wrong.
        """
        if not isinstance(document, Mapping):
            raise RequestError("request", f"must be a JSON object, but is {type(document).__name__}")
        values = dict(document)
        if (values.pop("format", FORMAT), values.pop("version", VERSION)) != (FORMAT, VERSION):
            raise RequestError("format", f"must be {FORMAT!r}, version {VERSION}")
        unknown = sorted(set(values) - {option.name for option in fields(cls)})
        if unknown:
            raise RequestError(unknown[0], "is no field of a repository request")
        for needed in ("name", "architecture"):
            if needed not in values:
                raise RequestError(needed, "is missing")
        values["results"] = tuple(Figure(**figure) for figure in values.get("results", ()))
        values["front"] = tuple(Neighbour(**neighbour) for neighbour in values.get("front", ()))
        values["objectives"] = tuple(values.get("objectives", ()))
        if "exports" in values:
            values["exports"] = tuple(values["exports"])
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> "RepositoryRequest":
        return cls.from_document(read_document(path))


def read_document(path: Path) -> Mapping[str, Any]:
    """Reads a JSON object from a file. Raises RequestError where it cannot be read or is no object."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError("request", f"{path.name} is not readable JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise RequestError("request", f"must be a JSON object, but is {type(document).__name__}")
    return document

"""What an evaluator is asked and what it answers, as frozen data. No torch here: the engine writes these documents.

A job, one JSON line::

    {"kind": "evaluate", "number": 7, "fidelity": 8, "graph": {architecture document}, "dataset": "digits",
     "training": {recipe options}, "seed": 123, "folder": "/…/run", "objectives": ["accuracy", "latency"],
     "target": "this_machine", "deadline": {"cost": 10**12, "seconds": 600}, "memory_limit_bytes": 2**31,
     "parent": {"graph": …, "weights": {"path": "…", "sha256": "…"}} | null,   (read where training.inherit is true)
     "replicas": 2}   (processes that train together; left out: one)
    {"kind": "test", "number": 7, "fidelity": 8, "graph": …, "dataset": "digits", "folder": …,
     "weights": {"path": "weights/….safetensors", "sha256": "…"}}
    {"kind": "proxies", "number": 7, "fidelity": 0, "graph": …, "dataset": "digits", "folder": …, "seed": 123,
     "proxies": ["naswot", "synflow"]}
    {"kind": "supernet", "number": 7, "fidelity": 0, "graph": …, "dataset": "digits", "folder": …,
     "weights": {"path": "states/single_path-….safetensors", "sha256": "…"}}
    {"kind": "step", "number": 8, "fidelity": 0, "step": "darts", "options": {…}, "state": {"path", "sha256"} | null,
     "dataset": "digits", "training": …, "seed": 123, "folder": …, "space": {"name": "chain", "options": {…}},
     "deadline": …}

The answers, one JSON line each::

    {"type": "ready", "pid": 4711, "torch": "2.13.0+cpu", "machine": "x86_64"}
    {"type": "progress", "number": 7, "fidelity": 8, "epoch": 2, "epochs": 8, "loss": 1.2, "accuracy": 0.9 | null,
     "seconds_left": 3.1}
    {"type": "result", "kind": "evaluate", "number": 7, "fidelity": 8, "status": "done" | "failed", "reason": "",
     "values": {"accuracy": …, "latency_ms": …, "memory_bytes": …, "energy_mj": …, "params": …, "flops": …},
     "details": {how latency and energy came about}, "seconds": 9.5, "cost": 10**9, "curve": [[1, 1.9, 0.61], …],
     "files": {"weights": {"path": "weights/….safetensors", "sha256": "…"}},
     "inputs": {"weights/….safetensors": "…" (sha256 of each stored file that was read)}}
    {"type": "result", "kind": "test", "number": 7, "fidelity": 8, "status": "done", "reason": "",
     "values": {"test_accuracy": 0.98}, …}
    {"type": "result", "kind": "proxies", "number": 7, "fidelity": 0, "status": "done", "reason": "",
     "values": {"naswot": 210.5, "synflow": 14.1, "params": …, "flops": …, "memory_bytes": …}, "cost": 10**7, …}
    {"type": "result", "kind": "supernet", "number": 7, "fidelity": 0, "status": "done", "reason": "",
     "values": {"supernet": 0.61 (accuracy with inherited weights), "params": …, …}, "cost": 10**7, …}
    {"type": "result", "kind": "step", "number": 8, "fidelity": 0, "step": "darts", "status": "done", "reason": "",
     "report": {…}, "seconds": 9.5, "cost": 10**9, "files": {"state": {"path": "states/….safetensors", …}}, …}
    {"type": "error", "number": 7, "fidelity": 8, "reason": "…", "traceback": "…"}

"failed" is a candidate's own failure, and a result like another; "error" is a job that no evaluator can do.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from searches.evaluation.fidelity import SUPERNET
from searches.evaluation.training.recipe import Recipe

KINDS = ("evaluate", "test", "proxies", SUPERNET)
STEP = "step"


class JobError(ValueError):
    """A job that no evaluator can do: the fault is the asker's, not the candidate's."""


@dataclass(frozen=True)
class StoredFile:
    path: str  # relative to the job's folder
    sha256: str


@dataclass(frozen=True)
class Deadline:
    """``cost`` in multiply-adds decides before anything is trained; ``seconds`` is the clock guard above it."""

    cost: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Parent:
    """A trained network whose weights a child takes over; the path is relative to the job's folder."""

    graph: Mapping[str, object] = field(repr=False)
    weights: StoredFile


@dataclass(frozen=True)
class Job:
    kind: str
    number: int
    fidelity: int  # epochs of this rung; part of the weights' name
    graph: Mapping[str, object] = field(repr=False)
    dataset: str
    folder: Path
    training: Recipe = field(default_factory=Recipe)
    seed: int = 0
    objectives: tuple[str, ...] = ("accuracy",)
    target: str = "this_machine"
    deadline: Deadline = field(default_factory=Deadline)
    memory_limit_bytes: int | None = None
    weights: StoredFile | None = None
    parent: Parent | None = None
    proxies: tuple[str, ...] = ()  # empty: all
    replicas: int = 1  # processes, each with its part of every batch

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> "Job":
        """Reads a job. Raises JobError where a field is missing, wrong or unknown."""
        known = dict(document)
        kind = known.pop("kind", "evaluate")
        if kind not in KINDS:
            raise JobError(f"kind must be one of {', '.join(KINDS)}, but is {kind!r}")
        try:
            job = cls(
                kind=str(kind),
                number=int(known.pop("number")),  # type: ignore[call-overload]
                fidelity=int(known.pop("fidelity")),  # type: ignore[call-overload]
                graph=known.pop("graph"),  # type: ignore[arg-type]
                dataset=str(known.pop("dataset")),
                folder=Path(str(known.pop("folder"))),
                training=Recipe.from_document(known.pop("training", {})),  # type: ignore[arg-type]
                seed=int(known.pop("seed", 0)) % 2**63,  # type: ignore[call-overload]
                objectives=tuple(known.pop("objectives", ("accuracy",))),  # type: ignore[arg-type]
                target=str(known.pop("target", "this_machine")),
                deadline=Deadline(**(known.pop("deadline", None) or {})),  # type: ignore[arg-type]
                memory_limit_bytes=known.pop("memory_limit_bytes", None),  # type: ignore[arg-type]
                weights=stored(known.pop("weights", None)),
                parent=parent(known.pop("parent", None)),
                proxies=tuple(known.pop("proxies", ())),  # type: ignore[arg-type]
                replicas=int(known.pop("replicas", 1)),  # type: ignore[call-overload]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise JobError(f"the job cannot be read: {error}") from error
        if known:
            raise JobError(f"a job has no field {sorted(known)[0]!r}")
        return job

    def to_document(self) -> dict[str, object]:
        """Returns the document from which another process reads the job."""
        document = asdict(self)
        return document | {"folder": str(self.folder), "training": self.training.to_document()}


def stored(document: object) -> StoredFile | None:
    if document is None:
        return None
    assert isinstance(document, Mapping)
    return StoredFile(str(document["path"]), str(document["sha256"]))


def parent(document: object) -> Parent | None:
    if document is None:
        return None
    assert isinstance(document, Mapping)
    weights = stored(document["weights"])
    assert weights is not None
    return Parent(document["graph"], weights)


@dataclass(frozen=True)
class Result:
    """Field for field what the engine stores; ``values`` holds only what was asked for and could be had."""

    kind: str
    number: int
    fidelity: int
    status: str
    reason: str = ""
    values: Mapping[str, float | int] = field(default_factory=dict)
    details: Mapping[str, object] = field(default_factory=dict)
    seconds: float = 0.0
    cost: int = 0
    curve: tuple[tuple[int, float, float], ...] = ()
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)  # sha256 of what was read, by its path

    def to_document(self) -> dict[str, object]:
        return {
            "type": "result",
            "kind": self.kind,
            "number": self.number,
            "fidelity": self.fidelity,
            "status": self.status,
            "reason": self.reason,
            "values": dict(self.values),
            "details": dict(self.details),
            "seconds": round(self.seconds, 3),
            "cost": self.cost,
            "curve": [list(row) for row in self.curve],
            "files": {name: {"path": file.path, "sha256": file.sha256} for name, file in self.files.items()},
            "inputs": dict(self.inputs),
        }


@dataclass(frozen=True)
class StepJob:
    """A unit of an algorithm's own learning, such as an epoch of a supernet."""

    number: int
    step: str  # a module of searches/evaluation/steps
    options: Mapping[str, object]
    state: StoredFile | None  # left by the step before; None for the first
    dataset: str
    training: Recipe
    seed: int
    folder: Path
    space: Mapping[str, object]  # name and options
    fidelity: int = 0
    deadline: Deadline = field(default_factory=Deadline)

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> "StepJob":
        """Reads a step. Raises JobError where a field is missing or wrong."""
        known = {name: value for name, value in document.items() if name != "kind"}
        try:
            return cls(
                number=int(known.pop("number")),  # type: ignore[call-overload]
                step=str(known.pop("step")),
                options=dict(known.pop("options")),  # type: ignore[call-overload]
                state=stored(known.pop("state")),
                dataset=str(known.pop("dataset")),
                training=Recipe.from_document(known.pop("training")),  # type: ignore[arg-type]
                seed=int(known.pop("seed")) % 2**63,  # type: ignore[call-overload]
                folder=Path(str(known.pop("folder"))),
                space=dict(known.pop("space")),  # type: ignore[call-overload]
                deadline=Deadline(**(known.pop("deadline", None) or {})),  # type: ignore[arg-type]
                **known,  # type: ignore[arg-type]  # a field that is not known is a TypeError
            )
        except (KeyError, TypeError, ValueError) as error:
            raise JobError(f"the step cannot be read: {error!r}") from error


@dataclass(frozen=True)
class StepResult:
    """What a step found, the state that the next one goes on from, and its counted cost."""

    report: Mapping[str, object]  # finite JSON; kept in the history and seen by the algorithm
    state: bytes  # safetensors
    cost: int  # multiply-adds

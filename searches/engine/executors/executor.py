"""What the engine needs of an evaluator: jobs go in, messages come back in any order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Job: TypeAlias = Mapping[str, Any]  # the document described in searches/evaluation/job.py


class EvaluatorBroken(RuntimeError):
    """No evaluator can do this job, or none can be started: the search itself is at fault, not a candidate."""

    def __init__(self, reason: str, traceback: str = "") -> None:
        super().__init__(reason)
        self.traceback = traceback  # the evaluator's; a user reads the reason alone


@dataclass(frozen=True)
class JobStarted:
    number: int
    fidelity: int
    evaluator: int


@dataclass(frozen=True)
class JobProgressed:
    number: int
    evaluator: int
    epoch: int
    epochs: int
    loss: float | None
    accuracy: float | None
    seconds_left: float | None


@dataclass(frozen=True)
class JobFinished:
    kind: str  # evaluate, test or step
    number: int
    fidelity: int
    status: str  # done or failed
    reason: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    timing: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Sequence[float | None]] = ()
    files: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)  # of a step
    inputs: Mapping[str, str] = field(default_factory=dict)  # sha256 of the stored files that were read, by their paths


Message: TypeAlias = JobStarted | JobProgressed | JobFinished


class Executor(Protocol):
    """Evaluates on this machine, on others, or in a test by a formula."""

    @property
    def room(self) -> int:
        """Returns how many jobs it takes now."""

    def submit(self, job: Job) -> None: ...

    def receive(self, timeout: float) -> Message | None:
        """The next message, or None after ``timeout`` seconds."""

    def close(self) -> None:
        """Ends what runs; nothing is left behind."""

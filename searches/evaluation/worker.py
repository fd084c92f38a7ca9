"""A warm evaluator: ``python -m searches.evaluation.worker`` reads jobs and writes answers, a JSON document a line.

Job and answer are described in ``searches/evaluation/job.py``. It ends with its standard input, and with its parent:
the parent must start it from a thread that lives as long as the evaluator shall.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from nasportal.lib.child_process import die_with_parent
from nasportal.lib.crash_points import crash_point
from profiling.meters import heap
from searches.evaluation import steps
from searches.evaluation.files import NotWritten
from searches.evaluation.job import STEP, Job, StepJob
from searches.evaluation.process import protocol_streams

if TYPE_CHECKING:
    from searches.evaluation.training.trainer import TrainingProgress

PROGRESS_SECONDS = 0.5
NICENESS = 5  # pages, engine and database come before trainings, which fill every core


class Messages(Protocol):
    """The receiver of answers: a stream, or whatever stands for one."""

    def write(self, line: str, /) -> int: ...
    def flush(self) -> None: ...


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m searches.evaluation.worker", description=__doc__)
    parser.add_argument("--messages-fd", type=int, help="inherited descriptor for the answers (default: stdout)")
    parser.add_argument("--parent", type=int, help="process that must be the parent")
    parser.add_argument("--memory-limit-bytes", type=int, help="how much a training may allocate")
    options = parser.parse_args(arguments)
    die_with_parent(options.parent)
    os.nice(NICENESS)
    jobs, messages = protocol_streams(options.messages_fd)
    version = settle_torch()  # after the streams are apart: importing may print, and takes seconds
    send(messages, {"type": "ready", "torch": version, "machine": platform.machine()})
    for line in jobs:
        if line.strip():
            answer(line, messages, options.memory_limit_bytes)
    return 0


def settle_torch() -> str:
    """One thread, the same bits each time; answers with torch's version. Again in a warm process it changes nothing."""
    import torch

    # One thread: two threads of one process beside another busy one were 60 times slower than one thread each.
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA's products do not repeat
    # Some operations have no deterministic form on a GPU: there they warn, and bit-equality is not promised.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # What is asked for is written before it is read: to fill it before costs a pass over it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return str(torch.__version__)


def answer(line: str, messages: Messages, memory_limit_bytes: int | None) -> None:
    """The outermost loop's body: whatever a job does, the evaluator lives on and says what happened."""
    document: Mapping[str, object] = {}
    try:
        document = json.loads(line)
        with heap.kept():
            found = done(document, messages, memory_limit_bytes)
        send(messages, found)
    except Exception as error:
        send(
            messages,
            {
                "type": "error",
                "number": document.get("number") if isinstance(document, dict) else None,
                "fidelity": document.get("fidelity") if isinstance(document, dict) else None,
                "reason": in_words(error)[:2000],
                "traceback": traceback.format_exc()[-8000:],
            },
        )


def in_words(error: Exception) -> str:
    """Returns what a user reads; only a fault that is ours needs its class."""
    return str(error) if isinstance(error, NotWritten) else f"{type(error).__name__}: {error}"


def done(document: Mapping[str, object], messages: Messages, memory_limit_bytes: int | None) -> Mapping[str, object]:
    """The result's document."""
    from searches.evaluation.evaluator import perform

    if isinstance(document, dict) and document.get("kind") == STEP:
        step = StepJob.from_document(document)
        return steps.performed(step, Watch(step, messages), memory_limit_bytes)
    job = Job.from_document(document)
    return perform(job, Watch(job, messages), memory_limit_bytes).to_document()


class Watch:
    """Turns the progress of a training into lines, at most two per second."""

    def __init__(self, job: Job | StepJob, messages: Messages) -> None:
        self.job = job
        self.messages = messages
        self.sent = 0.0
        self.epoch = 0

    def __call__(self, progress: TrainingProgress) -> None:
        if progress.epoch != self.epoch:
            self.epoch = progress.epoch
            crash_point("epoch")
        now = time.monotonic()
        if now - self.sent < PROGRESS_SECONDS:
            return
        self.sent = now
        send(
            self.messages,
            {
                "type": "progress",
                "number": self.job.number,
                "fidelity": self.job.fidelity,
                "epoch": progress.epoch,
                "epochs": progress.epochs,
                "loss": progress.loss if abs(progress.loss) < 1e30 else None,  # NaN and infinity are no JSON
                "accuracy": progress.accuracy,
                "seconds_left": round(progress.seconds_left, 2),
            },
        )


def send(messages: Messages, document: Mapping[str, object]) -> None:
    messages.write(json.dumps(document, allow_nan=False) + "\n")
    messages.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""How an evaluator, which knows no database, gets a latency from a device: a question in the run's folder, an answer.

The run's supervisor reads the questions, hands them to the device's jobs, and writes the answers; both files have the
network's fingerprint as their name, so a question that is asked again after a kill is the same one.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from architectures.ir import compact
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph
from profiling.meters.reading import Reading

FOLDER = "measure"
LOOK_SECONDS = 0.2


class NotMeasured(RuntimeError):
    """The device could not measure the network; the candidate fails with this reason."""


@dataclass(frozen=True)
class Question:
    """A network whose latency is waited for."""

    path: Path

    @property
    def graph(self) -> Graph:
        return compact.loads(self.path.read_text(encoding="utf-8"))

    @property
    def answer_path(self) -> Path:
        return self.path.with_suffix(".answer")

    def answer(self, document: dict[str, Any]) -> None:
        write(self.answer_path, json.dumps(document, allow_nan=False))
        self.path.unlink(missing_ok=True)


def ask(folder: Path, graph: Graph) -> Reading:
    """Waits for the answer, however long: a run that waits in vain is stopped from outside.

    Raises NotMeasured where the answer is a failure.
    """
    question = Question(folder / FOLDER / f"{fingerprint(graph)}.question")
    if not question.answer_path.exists():
        question.path.parent.mkdir(parents=True, exist_ok=True)
        write(question.path, compact.dumps(graph))
    while not question.answer_path.exists():
        time.sleep(LOOK_SECONDS)
    document = json.loads(question.answer_path.read_text(encoding="utf-8"))
    if "failure" in document:
        question.answer_path.unlink(missing_ok=True)  # a later attempt asks anew
        raise NotMeasured(document["failure"])
    return Reading(document["milliseconds"], "ms", document["how"], document["details"])


def questions(folder: Path) -> Iterator[Question]:
    """Those without an answer."""
    for path in sorted((folder / FOLDER).glob("*.question")):
        question = Question(path)
        if question.answer_path.exists():
            path.unlink(missing_ok=True)  # asked by one that was killed, and answered since
        else:
            yield question


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)

"""Which weights a job was given, by version and hash, and whether its result was computed on them.

The path of a state or of weights names its version (the step, or network and fidelity, that left it), the sha256 its
bytes. A result says what its evaluator has read; one that read anything else is refused, and its job is done anew.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from searches.engine.executors.executor import EvaluatorBroken, Job, JobFinished

REFUSED_AT_MOST = 3  # results of one job: then no evaluator has the right weights


def named_files(document: object) -> Iterator[tuple[str, str]]:
    """Path and sha256 of the stored files that a job names: weights of a test, state of a step, those of a parent."""
    if isinstance(document, Mapping):
        if {"path", "sha256"} <= document.keys():
            yield str(document["path"]), str(document["sha256"])
            return
        for value in document.values():
            yield from named_files(value)


def difference(job: Job, result: JobFinished) -> str:
    """Returns how what was read differs from what was given; empty for a result that counts."""
    given = dict(named_files(job))
    for path, sha256 in sorted(result.inputs.items()):
        if path not in given:
            return f"it read {path}, which it was not given"
        if sha256 != given[path]:
            return f"it read {path} with sha256 {sha256[:12]}…, but {given[path][:12]}… was given"
    unread = sorted(given.keys() - result.inputs.keys())
    if unread and result.status == "done" and is_read(job):
        return f"it did not read {unread[0]}"
    return ""


def is_read(job: Job) -> bool:
    """A training takes its parent's weights over only where the recipe says so."""
    training: Mapping[str, Any] = job.get("training", {})
    return job["kind"] != "evaluate" or bool(training.get("inherit"))


class Versions:
    """Counts what was refused."""

    def __init__(self) -> None:
        self.refusals: Counter[tuple[str, int, int]] = Counter()

    def refuses(self, job: Job, result: JobFinished) -> bool:
        """Returns whether the job has to be done anew. Raises EvaluatorBroken after REFUSED_AT_MOST refusals."""
        reason = "" if result.timing.get("cached") else difference(job, result)
        if not reason:
            return False
        key = result.kind, result.number, result.fidelity
        self.refusals[key] += 1
        print(f"{result.kind} of number {result.number} is refused and done anew: {reason}", flush=True)
        if self.refusals[key] == REFUSED_AT_MOST:
            raise EvaluatorBroken(
                f"{result.kind} of number {result.number} was computed {REFUSED_AT_MOST} times on other weights than "
                f"it was given: {reason}"
            )
        return True

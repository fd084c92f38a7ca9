"""The local executor: warm evaluator processes, one thread each, spoken to by lines of JSON."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nasportal.lib.child_process import environment
from searches.engine.executors.executor import EvaluatorBroken, Job, JobFinished, JobProgressed, JobStarted, Message
from searches.engine.executors.gpu_slots import GpuSlot, GpuSlots

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "searches.evaluation.worker")
ATTEMPTS = 3  # of a job whose evaluator dies, and of an evaluator that does not get ready
GRACE_SECONDS = 60.0  # above the deadline that the trainer keeps itself
CLOSE_SECONDS = 1.0  # for an idle evaluator to end with its input
SPARE_BYTES = 2**29  # an evaluator's memory beside that of a training


@dataclass
class Evaluator:
    """One process and the job that it does."""

    index: int
    process: subprocess.Popen[bytes]
    messages: int  # descriptor
    received: bytes = b""
    is_ready: bool = False
    job: Job | None = None
    until: float = 0.0  # the clock guard of the job

    @property
    def is_idle(self) -> bool:
        return self.is_ready and self.job is None


@dataclass
class ProcessExecutor:
    """Starts evaluators when there is work for them, restarts those that die, and leaves none behind."""

    workers: int
    memory_bytes: int | None = None  # of one training
    command: Sequence[str] = COMMAND
    slots: GpuSlots | None = None  # on GPUs; without them evaluators find their device themselves

    _evaluators: dict[int, Evaluator] = field(default_factory=dict, init=False)
    _queue: deque[Job] = field(default_factory=deque, init=False)
    _out: deque[Message] = field(default_factory=deque, init=False)
    _deaths: dict[tuple[str, int, int], int] = field(default_factory=dict, init=False)  # by kind, number, fidelity
    _false_starts: int = field(default=0, init=False)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector, init=False)

    @property
    def room(self) -> int:
        busy = sum(each.job is not None for each in self._evaluators.values())
        return self.workers - busy - len(self._queue)

    def submit(self, job: Job) -> None:
        self._queue.append(job)
        self._dispatch()

    def receive(self, timeout: float) -> Message | None:
        until = time.monotonic() + timeout
        while not self._out:
            left = until - time.monotonic()
            if left <= 0:
                return None
            for key, _ in self._selector.select(left):
                self._read(key.data)
            self._guard()
            self._dispatch()
        return self._out.popleft()

    def close(self) -> None:
        """Idle evaluators end with their input, busy ones are killed: a job that was cut off is done again."""
        for each in self._evaluators.values():
            with suppress(OSError):
                each.process.stdin.close()  # type: ignore[union-attr]  # a pipe, see _start
            if not each.is_idle:
                each.process.kill()
        for each in self._evaluators.values():
            with suppress(subprocess.TimeoutExpired):
                each.process.wait(CLOSE_SECONDS)
            each.process.kill()
            each.process.wait()
            os.close(each.messages)
        self._evaluators.clear()
        self._selector.close()

    # Evaluators

    def _dispatch(self) -> None:
        """Queued jobs to idle evaluators; new evaluators while there are fewer than may be."""
        for each in self._evaluators.values():
            if self._queue and each.is_idle:
                self._give(each, self._queue.popleft())
        starting = sum(not each.is_ready for each in self._evaluators.values())
        while len(self._queue) > starting and len(self._evaluators) < self.workers:
            # Devices may be full of other searches' evaluators: one of ours shares a slot then, more wait for one.
            slot = self.slots.take(must=not self._evaluators) if self.slots else None
            if self.slots and slot is None:
                return
            self._start(slot)
            starting += 1

    def _start(self, slot: GpuSlot | None) -> None:
        index = next(index for index in range(self.workers) if index not in self._evaluators)
        ours, theirs = os.pipe()
        arguments = [*self.command, "--messages-fd", str(theirs), "--parent", str(os.getpid())]
        if self.memory_bytes is not None:
            arguments += ["--memory-limit-bytes", str(self.memory_bytes + SPARE_BYTES)]
        inherited, variables = [theirs], environment()
        if slot is not None and self.slots is not None:
            print(f"evaluator {index} trains on {slot.gpu}", flush=True)
            inherited.append(slot.lock)
            variables |= slot.environment(tuple(self.slots.held))
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, pass_fds=inherited, env=variables)
        for descriptor in inherited:  # the evaluator alone has them now: a lock falls with it
            os.close(descriptor)
        self._evaluators[index] = evaluator = Evaluator(index, process, ours)
        self._selector.register(ours, selectors.EVENT_READ, evaluator)

    def _give(self, evaluator: Evaluator, job: Job) -> None:
        evaluator.job = job
        seconds = job.get("deadline", {}).get("seconds")
        evaluator.until = time.monotonic() + seconds + GRACE_SECONDS if seconds else float("inf")
        self._out.append(JobStarted(job["number"], job["fidelity"], evaluator.index))
        with suppress(BrokenPipeError):  # it died: the end of its messages will tell
            evaluator.process.stdin.write(json.dumps(job, allow_nan=False).encode() + b"\n")  # type: ignore[union-attr]
            evaluator.process.stdin.flush()  # type: ignore[union-attr]

    def _guard(self) -> None:
        """A job far above its deadline does not come back by itself; the verdict is recorded and not repeated."""
        for each in list(self._evaluators.values()):
            if each.job is not None and time.monotonic() > each.until:
                job, each.job = each.job, None
                self._bury(each)
                seconds = job["deadline"]["seconds"]
                self._out.append(failed(job, f"it did not end within its {seconds:g} s and was stopped"))

    def _bury(self, evaluator: Evaluator) -> int:
        """Removes an evaluator that is dead or shall be; answers with its exit code."""
        self._selector.unregister(evaluator.messages)
        os.close(evaluator.messages)
        evaluator.process.kill()
        with suppress(OSError):
            evaluator.process.stdin.close()  # type: ignore[union-attr]
        del self._evaluators[evaluator.index]
        return evaluator.process.wait()

    def _died(self, evaluator: Evaluator) -> None:
        code = self._bury(evaluator)
        if not evaluator.is_ready:
            self._false_starts += 1
            if self._false_starts >= ATTEMPTS:
                raise EvaluatorBroken(f"evaluators end before they are ready ({ending(code)}); the log says why")
        if evaluator.job is None:
            return
        job = evaluator.job
        key = job.get("kind", "evaluate"), job["number"], job["fidelity"]
        self._deaths[key] = self._deaths.get(key, 0) + 1
        if self._deaths[key] < ATTEMPTS:
            self._queue.appendleft(job)
        else:
            self._out.append(failed(job, f"its evaluator died {ATTEMPTS} times ({ending(code)})"))

    # Messages

    def _read(self, evaluator: Evaluator) -> None:
        received = os.read(evaluator.messages, 1 << 16)
        if not received:
            self._died(evaluator)
            return
        *rows, evaluator.received = (evaluator.received + received).split(b"\n")
        for row in rows:
            self._understand(evaluator, json.loads(row))

    def _understand(self, evaluator: Evaluator, document: Mapping[str, Any]) -> None:
        match document["type"]:
            case "ready":
                evaluator.is_ready, self._false_starts = True, 0
            case "progress":
                self._out.append(progressed(evaluator.index, document))
            case "result":
                evaluator.job = None
                self._out.append(finished(document))
            case "error":
                job, evaluator.job = evaluator.job, None
                if job is None or job.get("kind") != "test":
                    raise EvaluatorBroken(document["reason"], document["traceback"])
                self._out.append(failed(job, document["reason"]))


def ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def failed(job: Job, reason: str) -> JobFinished:
    return JobFinished(job.get("kind", "evaluate"), job["number"], job["fidelity"], "failed", reason)


def progressed(evaluator: int, document: Mapping[str, Any]) -> JobProgressed:
    names = ("epoch", "epochs", "loss", "accuracy", "seconds_left")
    return JobProgressed(document["number"], evaluator, *(document[name] for name in names))


def finished(document: Mapping[str, Any]) -> JobFinished:
    timing = {"seconds": document["seconds"], "cost": document["cost"], **document["details"]}
    return JobFinished(
        document["kind"],
        document["number"],
        document["fidelity"],
        document["status"],
        document["reason"],
        document["values"],
        timing,
        document["curve"],
        document["files"],
        document.get("report", {}),
        document.get("inputs", {}),
    )

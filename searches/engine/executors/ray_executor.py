"""The Ray executor: one task per evaluation, on whatever nodes a cluster has (Moritz et al. 2018, arXiv 1712.05889).

A task gets the job and the files that it reads, works in a folder of its own node, and gives back the files that it
wrote: nodes need this program and the datasets, but no common folder. Ray never repeats a task: what a lost worker or
node was doing is submitted again here, counted as the local executor counts the deaths of its evaluators.
"""

import json
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from searches.engine.executors.executor import EvaluatorBroken, Job, JobStarted, Message
from searches.engine.executors.gpu_slots import per_gpu
from searches.engine.executors.process_executor import ATTEMPTS, GRACE_SECONDS, ROOT, failed, finished, progressed
from searches.engine.hardware import DEVICE
from searches.engine.weights.weight_versions import named_files
from searches.evaluation.files import write_file

CONNECT_SECONDS = 600.0  # a head that was killed comes back within this, or the engine gives up
PAUSE_SECONDS = 2.0  # between two attempts to connect
RESOURCES_SECONDS = 5.0  # how long the cluster's size is believed
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def work(document: dict[str, Any], inputs: Mapping[str, bytes], memory_bytes: int | None) -> Iterator[Any]:
    """The task: messages of an evaluator, then the files of its result by their paths."""
    from searches.evaluation import worker

    worker.settle_torch()
    lines: SimpleQueue[str | None] = SimpleQueue()
    yield {"type": "started"}
    with tempfile.TemporaryDirectory(prefix="evaluation-") as name:
        folder = Path(name)
        for path, content in inputs.items():
            write_file(folder / path, content)

        def perform() -> None:
            try:
                worker.answer(json.dumps(document | {"folder": name}), Lines(lines), memory_bytes)
            finally:
                lines.put(None)

        Thread(target=perform, daemon=True).start()
        while (line := lines.get()) is not None:
            answer = json.loads(line)
            yield answer
            if answer["type"] == "result":
                yield {file["path"]: (folder / file["path"]).read_bytes() for file in answer["files"].values()}


class Lines:
    """A stream that hands each line on."""

    def __init__(self, lines: "SimpleQueue[str | None]") -> None:
        self.lines = lines

    def write(self, line: str, /) -> int:
        self.lines.put(line)
        return len(line)

    def flush(self) -> None:
        """Each line is on its way already."""


@dataclass
class Task:
    """A job on its way; ``evaluator`` is a place in the progress display, free again when the task has ended."""

    job: Job
    messages: Any  # ObjectRefGenerator
    index: int = -1
    until: float = float("inf")  # the clock guard, from the moment that it was started
    result: dict[str, Any] | None = None  # waits for its files


@dataclass
class RayExecutor:
    """Submits to the cluster at ``address``; its size may change while the search runs."""

    address: str
    memory_bytes: int | None = None  # of one training
    cpus: float = 1.0  # of an evaluation
    gpus: float = field(default=0.0, init=False)

    _tasks: list[Task] = field(default_factory=list, init=False)
    _out: deque[Message] = field(default_factory=deque, init=False)
    _deaths: dict[tuple[str, int, int], int] = field(default_factory=dict, init=False)
    _places: int = field(default=0, init=False)
    _counted: float = field(default=float("-inf"), init=False)
    _remote: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        import ray

        connect(self.address)
        self.gpus = gpus_of_a_task(ray.cluster_resources())

    @property
    def places(self) -> int:
        """Evaluations that the cluster has resources for, at least one: a waiting task makes an autoscaler act."""
        import ray

        if time.monotonic() - self._counted > RESOURCES_SECONDS:
            self._counted, have = time.monotonic(), ray.cluster_resources()
            by_gpu = have.get("GPU", 0.0) / self.gpus if self.gpus else float("inf")
            self._places = max(1, int(min(have.get("CPU", 0.0) / self.cpus, by_gpu)))
        return self._places

    @property
    def room(self) -> int:
        return self.places - len(self._tasks)

    def submit(self, job: Job) -> None:
        import ray

        if self._remote is None:
            options = {"num_cpus": self.cpus, "num_gpus": self.gpus, "num_returns": "streaming", "max_retries": 0}
            self._remote = ray.remote(**options)(work)
        self._tasks.append(Task(job, self._remote.remote(dict(job), inputs_of(job), self.memory_bytes)))

    def receive(self, timeout: float) -> Message | None:
        import ray

        until = time.monotonic() + timeout
        while not self._out:
            left = until - time.monotonic()
            if left <= 0 or not self._tasks:
                return None
            ready, _ = ray.wait([task.messages for task in self._tasks], timeout=left)
            for task in [task for task in self._tasks if task.messages in ready]:
                self._read(task)
            self._guard()
        return self._out.popleft()

    def close(self) -> None:
        """Cancels what runs; the cluster belongs to others and stays."""
        import ray

        for task in self._tasks:
            with suppress(ray.exceptions.RayError):
                ray.cancel(task.messages, force=True)
        self._tasks.clear()
        ray.shutdown()

    def _read(self, task: Task) -> None:
        import ray

        try:
            message = ray.get(next(task.messages))
        except StopIteration:
            self._died(task, "it ended without a result")
        except (ray.exceptions.RayTaskError, ray.exceptions.RuntimeEnvSetupError) as error:
            raise EvaluatorBroken(f"a task of the Ray cluster failed: {error}") from error
        except ray.exceptions.RayError as error:  # worker, node or object store was lost
            self._died(task, type(error).__name__)
        else:
            self._understand(task, message)

    def _understand(self, task: Task, message: dict[str, Any]) -> None:
        if task.result is not None:
            self._keep(task, message)
            return
        match message["type"]:
            case "started":
                seconds = task.job.get("deadline", {}).get("seconds")
                task.until = time.monotonic() + seconds + GRACE_SECONDS if seconds else float("inf")
                taken = {each.index for each in self._tasks}
                task.index = next(index for index in range(len(self._tasks) + 1) if index not in taken)
                self._out.append(JobStarted(task.job["number"], task.job["fidelity"], task.index))
            case "progress":
                self._out.append(progressed(task.index, message))
            case "result":
                task.result = message
            case "error":
                self._tasks.remove(task)
                if task.job.get("kind") != "test":
                    raise EvaluatorBroken(message["reason"], message["traceback"])
                self._out.append(failed(task.job, message["reason"]))

    def _keep(self, task: Task, contents: Mapping[str, bytes]) -> None:
        """The files of a result are ours before anybody hears of it."""
        assert task.result is not None
        folder = Path(task.job["folder"])
        for file in task.result["files"].values():
            written = write_file(folder / file["path"], contents[file["path"]])
            if written != file["sha256"]:
                raise EvaluatorBroken(f"{file['path']} was changed on its way: sha256 {written}, not {file['sha256']}")
        self._tasks.remove(task)
        self._out.append(finished(task.result))

    def _died(self, task: Task, how: str) -> None:
        self._tasks.remove(task)
        key = task.job.get("kind", "evaluate"), task.job["number"], task.job["fidelity"]
        # A task that never began died of its node, not of the candidate.
        self._deaths[key] = self._deaths.get(key, 0) + (task.index >= 0)
        if self._deaths[key] < ATTEMPTS:
            self.submit(task.job)
        else:
            self._out.append(failed(task.job, f"its evaluator died {ATTEMPTS} times ({how})"))

    def _guard(self) -> None:
        import ray

        for task in [task for task in self._tasks if time.monotonic() > task.until]:
            self._tasks.remove(task)
            with suppress(ray.exceptions.RayError):
                ray.cancel(task.messages, force=True)
            seconds = task.job["deadline"]["seconds"]
            self._out.append(failed(task.job, f"it did not end within its {seconds:g} s and was stopped"))


def gpus_of_a_task(cluster: Mapping[str, float]) -> float:
    """Decided once for a search: a part of its evaluations on GPUs and a part on CPUs would not compare."""
    device = os.environ.get(DEVICE) or "auto"
    wants_one = device == "cuda" or (device == "auto" and cluster.get("GPU", 0.0) > 0)
    return 1 / per_gpu() if wants_one else 0.0


def connect(address: str) -> None:
    """Waits for a head that is starting, or that was killed and comes back.

    Raises EvaluatorBroken where none answers.
    """
    import ray

    until = time.monotonic() + CONNECT_SECONDS
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {**THREADS, "PYTHONPATH": path, DEVICE: os.environ.get(DEVICE) or "auto"}
    while True:
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                runtime_env={"env_vars": variables},
                configure_logging=False,
            )
            return
        except (ConnectionError, RuntimeError, TimeoutError) as error:
            print(f"Ray at {address} does not answer yet: {error}", flush=True)
            if time.monotonic() > until:
                raise EvaluatorBroken(f"no Ray cluster answers at {address}; start one or unset RAY_ADDRESS") from error
            time.sleep(PAUSE_SECONDS)


def inputs_of(job: Job) -> dict[str, bytes]:
    """The stored files that a job names, by their paths: weights of a test, the state of a step, those of a parent.

    One that is gone is left out: the evaluator says so, as it would here.
    """
    folder = Path(job["folder"])
    return {path: (folder / path).read_bytes() for path, _ in named_files(job) if (folder / path).is_file()}

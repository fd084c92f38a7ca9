"""An executor for tests that need a whole search but no training: the values are a formula of the network."""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from searches.engine.executors import process_executor
from searches.engine.executors.executor import Job, JobFinished, JobProgressed, JobStarted, Message
from searches.engine.weights.weight_versions import named_files
from searches.evaluation import steps
from searches.evaluation.files import read_file
from searches.evaluation.job import StepJob, StepResult


class FormulaExecutor:
    """Answers at once, with one job in hand; each network has weights of a few bytes."""

    def __init__(self, fails: frozenset[int] = frozenset()) -> None:
        self.fails = fails
        self.supernet: Callable[[float], float] = lambda quality: quality / 2  # what it makes of a network's quality
        self.messages: deque[Message] = deque()

    @property
    def room(self) -> int:
        return 0 if self.messages else 1

    def submit(self, job: Job) -> None:
        number, fidelity = job["number"], job["fidelity"]
        self.messages.append(JobStarted(number, fidelity, 0))
        self.messages.append(JobProgressed(number, 0, 1, fidelity, 0.5, 0.5, 1.0))
        self.messages.append(self.finished(job))

    def finished(self, job: Job) -> JobFinished:
        number, fidelity = job["number"], job["fidelity"]
        kind = job["kind"]
        if kind == "step":
            return stepped(StepJob.from_document(job))
        if kind == "test":
            values = {"test_accuracy": quality(job["graph"]) - 0.01}
            return JobFinished(kind, number, fidelity, "done", values=values, inputs=dict(named_files(job)))
        if kind == "supernet":
            scores = {"supernet": self.supernet(quality(job["graph"]))} | counted(job)
            return JobFinished(kind, number, fidelity, "done", "", scores, {"cost": 1}, inputs=dict(named_files(job)))
        if kind == "proxies":
            scores = {name: 100 * quality(job["graph"]) for name in job["proxies"]} | counted(job)
            return JobFinished(kind, number, fidelity, "done", "", scores, {"seconds": 0.01, "cost": 1})
        if number in self.fails:
            return JobFinished(kind, number, fidelity, "failed", "the loss is not finite", timing={"seconds": 0.1})
        values = {
            "accuracy": quality(job["graph"]),
            **counted(job),
            "latency_ms": 0.5,
            "energy_mj": 0.1,
        }
        curve = [[1, 1.5, 0.4], [2, 0.7, values["accuracy"]]]
        files = {"weights": weights(Path(job["folder"]), job)}
        timing, read = {"seconds": 0.25, "cost": 100}, dict(named_files(job))
        return JobFinished(kind, number, fidelity, "done", "", values, timing, curve, files, inputs=read)

    def receive(self, timeout: float) -> Message | None:
        return self.messages.popleft() if self.messages else None

    def close(self) -> None:
        self.messages.clear()


def counted(job: Job) -> dict[str, float]:
    return {
        "params": 1000.0 + 50_000.0 * quality(job["graph"]) ** 4 + 40.0 * len(job["graph"]["nodes"]),
        "flops": 5000.0 * len(job["graph"]["nodes"]),
        "memory_bytes": 4096.0,
    }


def stepped(job: StepJob) -> JobFinished:
    """The step itself: those of tests need no training."""
    state = None if job.state is None else read_file(job.folder / job.state.path, job.state.sha256)
    result, reason = StepResult({}, b"", 0), ""
    try:
        result = steps.get(job.step)(job, state, lambda moment: None)
    except MemoryError as failure:
        reason = str(failure)
    return process_executor.finished(steps.answer(job, result, reason, 0.25))


def quality(graph: Mapping[str, Any]) -> float:
    """Between 0.5 and 1, and always the same for a network."""
    text = json.dumps(graph["nodes"], sort_keys=True)
    return 0.5 + int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**33


def weights(folder: Path, job: Job) -> dict[str, str]:
    content = hashlib.sha256(json.dumps(job["graph"], sort_keys=True).encode()).hexdigest().encode()
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / "weights" / f"{sha256[:16]}-{job['fidelity']}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"path": path.relative_to(folder).as_posix(), "sha256": sha256}


def supernet_step(job: StepJob, state: bytes | None, watch: Any) -> StepResult:
    """Stands for ``searches.evaluation.steps.single_path.perform``: an epoch that adds a byte to the state."""
    after = (state or b"") + b"."
    return StepResult({"epoch": len(after), "is_done": len(after) == job.options["epochs"]}, after, cost=1000)

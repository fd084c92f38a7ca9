"""Units of an algorithm's own learning: each module here is one kind and has ``perform(job, state, watch)``.

``perform(job: StepJob, state: bytes | None, watch: Watcher) -> StepResult`` gets the state that the
step before it left, as safetensors, and is deterministic on one thread. Names are known without importing torch.
"""

import importlib
import json
import pkgutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from architectures.registry import UnknownName
from searches.evaluation.files import read_file, write_file
from searches.evaluation.job import StepJob, StepResult, StoredFile

if TYPE_CHECKING:
    from searches.evaluation.training.trainer import TrainingProgress

Watcher = Callable[["TrainingProgress"], None]


def names() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> Callable[[StepJob, bytes | None, Watcher], StepResult]:
    """Returns the function of a step. Raises UnknownName where there is none."""
    if name not in names():
        raise UnknownName("step", name, names())
    perform: Callable[[StepJob, bytes | None, Watcher], StepResult]
    perform = importlib.import_module(f"{__name__}.{name}").perform
    return perform


def state_path(step: str, number: int) -> str:
    return f"states/{step}-{number}.safetensors"


def performed(job: StepJob, watch: Watcher, memory_limit_bytes: int | None = None) -> dict[str, Any]:
    """The document of a step's result; its state is a file before anybody hears of it."""
    from searches.evaluation.evaluator import TooLarge, out_of_memory
    from searches.evaluation.training.device import device, limited
    from searches.evaluation.training.trainer import Diverged, OutOfTime

    started = time.monotonic()
    state = None if job.state is None else read_file(job.folder / job.state.path, job.state.sha256)
    result, reason = StepResult({}, b"", 0), ""
    try:
        with limited(device(), memory_limit_bytes):
            result = get(job.step)(job, state, watch)
    except (Diverged, OutOfTime, TooLarge) as failure:
        reason = str(failure)
    except (MemoryError, RuntimeError) as failure:
        reason = out_of_memory(failure)
    return answer(job, result, reason, time.monotonic() - started)


def answer(job: StepJob, result: StepResult, reason: str, seconds: float) -> dict[str, Any]:
    files = {}
    if not reason:
        path = state_path(job.step, job.number)
        file = StoredFile(path, write_file(job.folder / path, result.state))
        files["state"] = {"path": file.path, "sha256": file.sha256}
    return {
        "type": "result",
        "kind": "step",
        "number": job.number,
        "fidelity": job.fidelity,
        "step": job.step,
        "status": "failed" if reason else "done",
        "reason": reason,
        "report": json.loads(json.dumps(result.report, allow_nan=False)),  # what is not finite JSON is refused here
        "values": {},
        "details": {},
        "seconds": round(seconds, 3),
        "cost": result.cost,
        "curve": [],
        "files": files,
        "inputs": {} if job.state is None else {job.state.path: job.state.sha256},  # read_file held it against that
    }

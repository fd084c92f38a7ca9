"""The engine as a child process: ``python -m searches.engine`` reads one JSON document and writes events.

The document: ``{"spec": …, "history": […], "folder": …, "workers": 2, "events_fd": 5, "parent": PID, "elapsed": 0.0,
"cache": folder or null, "cache_bytes": 2**32}``.
Events go to the descriptor as JSON lines of at most 64 KB; a full pipe blocks. Everything printed is the log's.
SIGTERM ends it within seconds: evaluators are killed, what was not accepted is done again by the next one.
"""

import json
import os
import signal
import sys
import traceback
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

from nasportal.lib.child_process import die_with_parent
from nasportal.lib.crash_points import crash_point
from nasportal.lib.installation import way_to_install
from searches.engine.events import Event, Progress, SearchFailed, line
from searches.engine.executors.executor import EvaluatorBroken, Executor
from searches.engine.executors.gpu_slots import available_slots
from searches.engine.executors.process_executor import ProcessExecutor
from searches.engine.search import search
from searches.spec import SearchSpec, SpecErrors

DONE, FAILED, STOPPED = 0, 1, 143  # 143: 128 + SIGTERM, as a shell reports it


def main() -> int:
    document = json.load(sys.stdin)
    die_with_parent(document["parent"])
    signal.signal(signal.SIGTERM, stop)
    descriptor = document["events_fd"]
    os.set_inheritable(descriptor, False)  # an evaluator that outlived us would keep the pipe open
    try:
        run(document, descriptor)
    except SpecErrors as errors:
        return fail(descriptor, f"the spec cannot be searched: {errors}")
    except EvaluatorBroken as broken:
        return fail(descriptor, str(broken), broken.traceback)
    except Exception as error:
        return fail(descriptor, f"{type(error).__name__}: {error}")
    return DONE


def run(document: dict[str, Any], descriptor: int) -> None:
    spec = SearchSpec.from_document(document["spec"], files=True)
    folder = Path(document["folder"])
    for name in ("weights", "states", "checkpoints"):
        remove_unfinished(folder / name)
    executor = executor_for(spec, document["workers"])
    history = document["history"]
    more = {
        "elapsed": document["elapsed"],
        "cache": Path(document["cache"]) if document["cache"] else None,
        "cache_bytes": document["cache_bytes"],
    }
    with closing(search(spec, history=history, executor=executor, folder=folder, **more)) as reports:
        for report in reports:
            send(descriptor, report)


def executor_for(spec: SearchSpec, workers: int) -> Executor:
    """Starts processes of this machine, spread over its GPUs, or joins the Ray cluster that RAY_ADDRESS names.

    Raises EvaluatorBroken where Ray is named, but not installed.
    """
    if address := os.environ.get("RAY_ADDRESS"):
        if find_spec("ray") is None:
            raise EvaluatorBroken(f"RAY_ADDRESS names a Ray cluster, which needs an extra: {way_to_install('ray')}")
        from searches.engine.executors.ray_executor import RayExecutor  # an extra: most installations have no Ray

        return RayExecutor(address, spec.training_memory_bytes)
    found = available_slots(spec.training_memory_bytes)
    most = workers if found is None else min(workers, found.count)
    return ProcessExecutor(most, spec.training_memory_bytes, slots=found)


def send(descriptor: int, report: Event | Progress) -> None:
    crash_point("event")
    left = memoryview(line(report))
    while left:
        left = left[os.write(descriptor, left) :]


def fail(descriptor: int, reason: str, cause: str = "") -> int:
    send(descriptor, SearchFailed(reason[:4000], (cause + traceback.format_exc())[-16_000:]))
    return FAILED


def stop(number: int, frame: FrameType | None) -> None:
    """Raises SystemExit with the exit code of a search that was stopped."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough, the way out must not be interrupted
    raise SystemExit(STOPPED)


def remove_unfinished(folder: Path) -> None:
    """Removes what killed evaluators had begun to write; whole files have other names."""
    if folder.is_dir():
        for path in folder.glob(".*"):
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())

"""Ray beside the local executor: the same trainings on one and on two cores, and what a task costs besides.

Skipped where Ray or network namespaces are missing; takes two idle cores.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

TRAININGS = 24
APART = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def run() -> dict[str, Any]:
    if importlib.util.find_spec("ray") is None:
        return {"skipped": "Ray is not installed: .venv/bin/pip install -c constraints.txt -e '.[ray]'"}
    found: dict[str, Any] = {}
    for executor in ("local", "ray"):
        for workers in (1, 2):
            command = [*APART, sys.executable, "-m", "bench.rays", executor, str(workers)]
            ended = subprocess.run(command, check=True, capture_output=True, text=True)
            found[f"{executor}, {workers} at once"] = json.loads(ended.stdout.splitlines()[-1])
    one, two = found["ray, 1 at once"], found["ray, 2 at once"]
    found["ray_two_to_one"] = round(one["seconds"] / two["seconds"], 2)
    found["local_two_to_one"] = round(found["local, 1 at once"]["seconds"] / found["local, 2 at once"]["seconds"], 2)
    more = one["seconds"] - found["local, 1 at once"]["seconds"]
    found["ray_ms_an_evaluation_above_local"] = round(1e3 * more / TRAININGS, 1)
    return found


def trainings(kind: str, workers: int) -> dict[str, float]:
    """Seconds of all trainings, with evaluators that are warm already."""
    from searches.engine.executors.executor import Executor, JobFinished
    from searches.engine.executors.process_executor import ProcessExecutor
    from searches.engine.executors.ray_executor import RayExecutor
    from tests.searches.engine import ray_scenes

    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    executor: Executor
    if kind == "ray":
        ray_scenes.start_head(workers)
        executor = RayExecutor(ray_scenes.ADDRESS)
    else:
        executor = ProcessExecutor(workers)
    with tempfile.TemporaryDirectory() as folder:
        jobs = [job(number, Path(folder)) for number in range(TRAININGS + 4 * workers)]
        warm, measured = jobs[TRAININGS:], jobs[:TRAININGS]

        def finish(todo: list[dict[str, Any]]) -> float:
            began, left = time.perf_counter(), len(todo)
            while left:
                while todo and executor.room > 0:
                    executor.submit(todo.pop())
                message = executor.receive(60)
                if isinstance(message, JobFinished):
                    assert message.status == "done", message.reason
                    left -= 1
            return time.perf_counter() - began

        first = finish(warm)
        seconds = finish(measured)
        executor.close()
    return {"seconds": round(seconds, 2), "until_warm_seconds": round(first, 1)}


def job(number: int, folder: Path) -> dict[str, Any]:
    from architectures import spaces
    from architectures.ir import json as graph_json

    space = spaces.create("chain", (1, 8, 8), 10)
    graph = graph_json.to_document(space.decode(space.sample(Random(number))))
    training = {"epochs": 3}
    return {"kind": "evaluate", "number": number, "fidelity": 3, "graph": graph, "dataset": "digits",
            "training": training, "seed": number, "folder": str(folder)}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(trainings(sys.argv[1], int(sys.argv[2]))))

"""Searches on a Ray cluster in a network of its own: ``python -m … SCENE FOLDER`` prints what came of it.

Started by test_ray_executor.py under ``unshare``: Ray listens on every interface, here there is only loopback.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import psutil

from searches.engine import engine_process
from searches.engine.events import EvaluationFinished, SearchFailed, SearchFinished, SearchStarted
from searches.engine.executors.ray_executor import RayExecutor
from searches.engine.history import history_sha256, line
from searches.spec import SearchSpec

RAY = [str(Path(sys.executable).with_name("ray"))]
PORT = "26379"
ADDRESS = f"127.0.0.1:{PORT}"
SPEC = SearchSpec.from_document(
    {
        "evaluations": 8,
        "algorithm": "nsga2",
        "algorithm_options": {"population": 4},
        "objectives": ["accuracy", "params"],
        "limits": {"max_params": 60_000},
        "training": {"epochs": 3},
        "seed": 5,
    }
)


def main(scene: str, folder: Path) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # How long a driver waits for a head before it ends. Ray reads this name, in these letters.
    os.environ["RAY_gcs_rpc_server_reconnect_timeout_s"] = "5"  # noqa: SIM112
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(json.dumps({"there": SCENES[scene](folder), "here": history(folder / "here")}))


def undisturbed(folder: Path) -> str:
    start_head(2)
    return history(folder / "there", ray=True)


def worker_killed(folder: Path) -> str:
    start_head(2)
    return history(folder / "there", ray=True, after=2, disturb=lambda: kill(workers()[0]))


def node_killed(folder: Path) -> str:
    start_head(1)
    ray("start", "--address", ADDRESS, "--num-cpus", "2")
    return history(folder / "there", ray=True, after=2, disturb=lambda: kill(raylets()[-1]))


def head_killed(folder: Path) -> str:
    start_head(2)

    def lose_the_head() -> None:
        for process in [*named("gcs_server"), *raylets()]:
            kill(process)
        ray("stop", "--force")
        start_head(2)

    return history(folder / "there", ray=True, after=2, disturb=lose_the_head)


def on_its_only_gpu(folder: Path) -> str:
    """Ray deals out the GPU that it is told of; where torch finds none behind it, the CPU trains."""
    start_head(2, "--num-gpus", "1")
    executor = RayExecutor(ADDRESS)
    assert (executor.gpus, executor.places) == (1.0, 1), "two evaluations would share a GPU that holds one"
    executor.close()
    return history(folder / "there", ray=True)


SCENES: Mapping[str, Callable[[Path], str]] = {
    each.__name__: each for each in (undisturbed, worker_killed, node_killed, head_killed, on_its_only_gpu)
}


def history(folder: Path, *, ray: bool = False, after: int = 0, disturb: Callable[[], None] | None = None) -> str:
    """The hash of the search's history; an engine that ends too early is started again behind what was accepted."""
    os.environ.pop("RAY_ADDRESS", None)
    if ray:
        os.environ["RAY_ADDRESS"] = ADDRESS
    lines: list[dict[str, Any]] = []
    header: Mapping[str, Any] = {}
    trouble: Thread | None = None
    for _ in range(20):
        process = engine_process.start(SPEC.to_document(), lines, folder, 2)
        for event in process.events():
            if isinstance(event, SearchStarted):
                header = event.header
            if isinstance(event, EvaluationFinished):
                lines.append(line(event))
            if disturb and trouble is None and len(lines) >= after:
                trouble = Thread(target=disturb)
                trouble.start()
            if isinstance(event, SearchFailed):
                raise SystemExit(event.reason + event.traceback)
            if isinstance(event, SearchFinished):
                process.wait()
                if trouble is not None:
                    trouble.join()
                return history_sha256(lines, header)
        process.stop()
    raise SystemExit("twenty engines ended before the search was done")


def start_head(cpus: int, *more: str) -> None:
    ray("start", "--head", "--port", PORT, "--num-cpus", str(cpus), "--node-ip-address", "127.0.0.1",
        "--include-dashboard", "false", *more)  # fmt: skip


def ray(*arguments: str) -> None:
    ended = subprocess.run([*RAY, *arguments], capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)


def workers() -> list[psutil.Process]:
    """Those that evaluate right now."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if found := named("ray::work"):
            return found
        time.sleep(0.05)
    raise SystemExit("no task runs")


def raylets() -> list[psutil.Process]:
    return sorted(named("raylet"), key=lambda process: process.create_time())


def named(name: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (command := process.info["cmdline"]) and name in Path(command[0].split()[0]).name
    ]


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

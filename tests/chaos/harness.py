"""A data folder, a supervising process that is started again when it dies, and the means to hurt them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import psutil
from django.contrib.auth.models import User
from django.core.management import call_command

from searches import services
from searches.models import Project, SearchRun
from searches.models.status import OVER, UNDER_LEASE, Status
from searches.spec import SearchSpec
from tests.support import invariants

ROOT = Path(__file__).resolve().parents[2]
SPEC = {
    "seed": 11,
    "objectives": ["accuracy", "params", "flops"],
    "training": {"epochs": 1},
    "algorithm_options": {"population": 8},
    # Small networks: what is tried here is not how well they learn.
    "limits": {"max_params": 60_000, "max_flops": 3_000_000},
}
PATIENCE_SECONDS = 300.0
LEASE_SECONDS = 2.0


class Stuck(RuntimeError):
    """A run that did not get on in time."""


class Bench:
    """One data folder with its database; the worker is a child process."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        # Without the project's cache: with it only the first run would train.
        own = {"NASPORTAL_DATA": str(data), "PYTHONPATH": str(ROOT), "NASPORTAL_CACHE_BYTES": "0"}
        self.environment = os.environ | own | environment
        self.worker: subprocess.Popen[bytes] | None = None

    def prepare(self) -> Project:
        call_command("migrate", verbosity=0)
        alice, _ = User.objects.get_or_create(username="alice")
        return services.project_create(owner=alice, name="Chaos")

    def start(self, **environment: str) -> None:
        with (self.data / "worker.log").open("ab") as output:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker"],
                cwd=ROOT,
                env=self.environment | environment,
                stdout=output,
                stderr=output,
            )

    def revive(self, **environment: str) -> bool:
        """Starts the worker again if it is gone, as the portal's own supervisor does."""
        if self.worker is not None and self.worker.poll() is None:
            return False
        self.start(**environment)
        return True

    def stop(self) -> None:
        if self.worker is None:
            return
        self.worker.send_signal(signal.SIGCONT)
        self.worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.worker.wait(15)
        self.worker.kill()
        self.worker.wait()
        self.worker = None

    def family(self) -> dict[str, list[psutil.Process]]:
        """The processes of the bench by what they are."""
        found: dict[str, list[psutil.Process]] = {"worker": [], "engine": [], "evaluator": []}
        if self.worker is None or self.worker.poll() is not None:
            return found
        with suppress(psutil.NoSuchProcess):
            worker = psutil.Process(self.worker.pid)
            found["worker"] = [worker]
            for process in worker.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    command = process.cmdline()
                    if "searches.engine" in command:
                        found["engine"].append(process)
                    elif "searches.evaluation.worker" in command:
                        found["evaluator"].append(process)
        return found

    def survivors(self) -> list[str]:
        """What is left two seconds after everything was told to go."""
        deadline = time.monotonic() + 2.0
        while True:
            left = list(invariants.survivors(self.data, {os.getpid()}))
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.1)


@contextmanager
def bench(data: Path, **environment: str) -> Iterator[tuple[Bench, Project]]:
    made = Bench(data, **environment)
    try:
        yield made, made.prepare()
    finally:
        made.stop()


def new_run(project: Project, name: str, **changes: Any) -> SearchRun:
    spec = SearchSpec.from_document(SPEC | changes)
    return services.run_create(project=project, spec=spec, name=name, by=project.owner)


def engine_seq(run: SearchRun) -> int:
    """The newest event of the run's engine."""
    newest = run.events.exclude(kind="StatusChanged").order_by("-seq").values_list("seq", flat=True).first()
    return newest or 0


def status_of(run: SearchRun) -> Status:
    return Status(SearchRun.objects.values_list("status", flat=True).get(pk=run.pk))


def wait_for(what: Callable[[], Any], bench: Bench, seconds: float = PATIENCE_SECONDS, **environment: str) -> Any:
    """The first true answer, while the worker is kept alive."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Stuck(f"nothing came of it within {seconds:g} s; the logs are in {bench.data}")
        bench.revive(**environment)
        time.sleep(0.02)


def finish(run: SearchRun, bench: Bench, **environment: str) -> SearchRun:
    """Waits for the end of the run."""
    wait_for(lambda: status_of(run) in OVER, bench, **environment)
    run.refresh_from_db()
    return run


def kill(processes: list[psutil.Process], random: Random) -> int | None:
    """SIGKILL to one of them; None when there was none."""
    if not processes:
        return None
    victim = random.choice(processes)
    with suppress(psutil.NoSuchProcess):
        victim.send_signal(signal.SIGKILL)
    return victim.pid


def is_at_work(run: SearchRun) -> bool:
    return status_of(run) in UNDER_LEASE


def say(**facts: Any) -> None:
    print(json.dumps(facts), file=sys.stderr, flush=True)

"""Runs of one spec under random kills and pauses, until enough of them were injected."""

import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil

from searches import services
from searches.models import Project, SearchRun
from searches.models.status import OVER, Status
from searches.services.runs import RunRefuses
from tests.chaos.harness import (
    LEASE_SECONDS,
    Bench,
    Stuck,
    bench,
    engine_seq,
    finish,
    is_at_work,
    kill,
    new_run,
    say,
    status_of,
    wait_for,
)
from tests.support import invariants

LADDER = {"rungs": "1,2", "eta": 2, "proxy": "synflow", "final_epochs": 3, "final_seeds": 2, "final_networks": 2}
FROZEN_SECONDS = 10.0
CALM_SECONDS = (0.3, 4.0)  # between two faults: less than an engine needs to start, and enough for some evaluations


@dataclass
class Storm:
    """What was done to the runs, and what came of it."""

    bench: Bench
    project: Project
    random: Random
    expected: str
    changes: Mapping[str, Any]  # of the bench's spec
    kills: int = 0
    runs: int = 0
    hash_matches: int = 0
    faults: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    orphans: int = 0

    def over_one_run(self, most: int) -> None:
        run = new_run(self.project, f"storm {self.runs + 1}", **self.changes)
        self.runs += 1
        acknowledged: dict[tuple[int, int], str] = {}
        self.bench.revive()
        while self.kills < most and status_of(run) not in OVER:
            self.rest(run, acknowledged)
            self.hurt(run)
        finish(run, self.bench)
        self.faults += invariants.broken(run, acknowledged=acknowledged, history_sha256=self.expected)
        run.refresh_from_db()
        self.hash_matches += run.history_sha256 == self.expected
        say(run=self.runs, kills=self.kills, status=run.status, faults=self.faults, hash=run.history_sha256[:12])

    def rest(self, run: SearchRun, acknowledged: dict[tuple[int, int], str]) -> None:
        """Lets it work for a while, and remembers what was acknowledged."""
        wait_for(lambda: is_at_work(run) or status_of(run) in OVER, self.bench)
        until = time.monotonic() + self.random.uniform(*CALM_SECONDS)
        while time.monotonic() < until and status_of(run) not in OVER:
            self.bench.revive()
            time.sleep(0.05)
        acknowledged |= {(number, fidelity): line for number, fidelity, line in run.lines()}

    def hurt(self, run: SearchRun) -> None:
        """One fault, and the time until its engine says something again."""
        if status_of(run) in OVER:
            return
        before, began = engine_seq(run), time.monotonic()
        fault = self.random.choice([self.kill_engine, self.kill_evaluator, self.kill_worker, self.pause, self.freeze])
        if not fault(run):
            return
        self.kills += 1
        wait_for(lambda: engine_seq(run) > before or status_of(run) in OVER, self.bench)
        self.recoveries.append(time.monotonic() - began)

    def kill_engine(self, run: SearchRun) -> bool:
        return kill(self.bench.family()["engine"], self.random) is not None

    def kill_evaluator(self, run: SearchRun) -> bool:
        return kill(self.bench.family()["evaluator"], self.random) is not None

    def kill_worker(self, run: SearchRun) -> bool:
        """The supervising process; its engine and evaluators have to follow it."""
        family = self.bench.family()
        if kill(family["worker"], self.random) is None:
            return False
        below = [*family["engine"], *family["evaluator"]]
        _, alive = psutil.wait_procs(below, timeout=2.0)
        left = [words for words in map(living, alive) if words]
        self.orphans += len(left)
        if left:
            say(orphans=left)
        return True

    def pause(self, run: SearchRun) -> bool:
        """A user pauses, and resumes as soon as the engine has stopped."""
        with suppress(RunRefuses):
            services.run_pause(run=run, by=self.project.owner)
            wait_for(lambda: status_of(run) in (Status.PAUSED, *OVER), self.bench)
            services.run_resume(run=run, by=self.project.owner)
            return True
        return False

    def freeze(self, run: SearchRun) -> bool:
        """SIGSTOP past the lease while another supervisor takes over, then SIGCONT: its late write is refused.

        One that is stopped in the middle of a transaction keeps SQLite's only write lock. Then nobody can take over,
        and everybody waits until it goes on: so it goes on after a while in any case.
        """
        frozen = self.bench.worker
        if frozen is None or frozen.poll() is not None or not is_at_work(run):
            return False
        frozen.send_signal(signal.SIGSTOP)
        token = SearchRun.objects.values_list("lease_token", flat=True).get(pk=run.pk)
        time.sleep(LEASE_SECONDS)
        self.bench.start()
        with suppress(Stuck):
            wait_for(lambda: claimed_since(run, token) or status_of(run) in OVER, self.bench, seconds=FROZEN_SECONDS)
        frozen.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        frozen.terminate()
        frozen.wait(15)
        return True


def living(process: psutil.Process) -> str:
    """What the process is and how old; empty when it is gone, or dead and waits for init to collect it."""
    with suppress(psutil.NoSuchProcess):
        if process.status() != psutil.STATUS_ZOMBIE:
            return f"{' '.join(process.cmdline())[-60:]}, {time.time() - process.create_time():.1f} s old"
    return ""


def claimed_since(run: SearchRun, token: int) -> bool:
    return SearchRun.objects.filter(pk=run.pk, lease_token__gt=token).exists()


def changed(algorithm: str | None, ladder: bool) -> dict[str, Any]:
    """What the command line makes of the bench's spec; another algorithm has other options."""
    found: dict[str, Any] = {"algorithm": algorithm, "algorithm_options": {}} if algorithm else {}
    return found | ({"ladder": LADDER} if ladder else {})


def storm(data: Path, kills: int, changes: Mapping[str, Any], seed: int, seconds: float) -> dict[str, Any]:
    """The figures of the whole storm."""
    began = time.monotonic()
    with bench(data) as (made, project):
        made.start()
        calm = finish(new_run(project, "undisturbed", **changes), made)
        calm_faults = invariants.broken(calm)
        say(undisturbed=calm.status, hash=calm.history_sha256[:12], seconds=round(time.monotonic() - began, 1))
        weather = Storm(made, project, Random(seed), calm.history_sha256, changes, faults=calm_faults)
        while weather.kills < kills and time.monotonic() - began < seconds:
            weather.over_one_run(kills)
        made.stop()
        left = made.survivors()
    for fault in [*weather.faults, *left]:
        say(fault=fault)
    count: Callable[[str], int] = lambda name: sum(fault.startswith(name) for fault in weather.faults)  # noqa: E731
    recoveries = sorted(weather.recoveries)
    return {
        "kills": weather.kills,
        "lost": count("I1"),
        "duplicated": count("I2"),
        "hash_matches": weather.hash_matches,
        "runs": weather.runs,
        "recovery_p95_s": round(recoveries[int(0.95 * (len(recoveries) - 1))], 2) if recoveries else None,
        "orphans": weather.orphans + len(left),
        "faults": weather.faults,
        "seconds": round(time.monotonic() - began, 1),
    }

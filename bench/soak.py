"""The real portal for a long time: does memory, a thread or a descriptor grow?

    python -m bench.soak 30                    a stream of small searches, 20 sockets and API polls for 30 minutes
    python -m bench.soak 30 --evaluations 600  one search of that many: what an evaluation costs for good

Samples every process of the portal; the first quarter is warm-up. stdout gets one JSON document with a slope for each
kind of process; exit 1 where something has grown.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.nasportal.server.test_kills import Program
from tests.support.portal import Portal, running_portal
from tests.support.wire import Closed, Refused, opened

SOCKETS, POLLS_PER_SECOND, SAMPLE_SECONDS = 20, 4.0, 2.0
WARM_UP = 0.25
SPEC = {
    "objectives": ["accuracy", "params"],
    "training": {"epochs": 1},
    "limits": {"max_params": 60_000, "max_flops": 3_000_000},
}
OVER = ("finished", "failed", "cancelled")
# Between the second and the last quarter of what was sampled.
BYTES_PER_EVALUATION = 20_000
BYTES_AT_LEAST = 8 * 2**20  # an allocator's steps: less than this is no growth
THREADS, DESCRIPTORS = 2, 8


@dataclass(frozen=True)
class Sample:
    """One process at one moment."""

    seconds: float
    pid: int
    rss: int
    threads: int
    descriptors: int
    evaluations: int


class Soak:
    """Everything that goes on beside the samples."""

    def __init__(self, portal: Portal, evaluations: int, together: int) -> None:
        self.portal, self.evaluations, self.together = portal, evaluations, together
        self.program = Program(portal)
        self.project = self.program.ask("projects/", {"name": "Soak"})["slug"]
        self.runs: dict[int, dict[str, Any]] = {}
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self.requests = self.refused = 0
        self.frames = 0

    @property
    def done(self) -> int:
        return sum(run["evaluations_done"] for run in self.runs.values())

    def open(self) -> list[int]:
        return [pk for pk, run in self.runs.items() if run["status"] not in OVER]

    def begin(self) -> None:
        spec = SPEC | {"evaluations": self.evaluations, "seed": len(self.runs) + 1}
        run = self.program.ask("runs/", {"project": self.project, "name": f"soak {len(self.runs) + 1}", "spec": spec})
        self.runs[run["id"]] = run

    async def work(self, seconds: float) -> float:
        began = time.monotonic()
        self.begin()
        beside = [asyncio.create_task(each) for each in (*(self.look() for _ in range(SOCKETS)), self.poll())]
        try:
            while (now := time.monotonic() - began) < seconds:
                for pk in self.open():
                    self.runs[pk] = await asyncio.to_thread(self.program.ask, f"runs/{pk}/")
                while len(self.open()) < self.together and (self.together > 1 or not self.runs):
                    await asyncio.to_thread(self.begin)
                if not self.open():
                    break
                self.sample(now)
                await asyncio.sleep(SAMPLE_SECONDS)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        return time.monotonic() - began

    async def look(self) -> None:
        """A browser: it watches the newest run that is under way until that is over."""
        cookies = {cookie.name: cookie.value or "" for cookie in self.program.cookies}
        while True:
            run = min(self.open(), default=max(self.runs))
            with contextlib.suppress(Closed, Refused, OSError, TimeoutError):
                async with opened(self.portal.port, f"/ws/runs/{run}/", cookies, self.portal.address) as wire:
                    while self.runs[run]["status"] not in OVER:
                        await asyncio.wait_for(wire.receive(), 10)
                        self.frames += 1
            await asyncio.sleep(1)

    async def poll(self) -> None:
        while True:
            for path in ("runs/", f"runs/{max(self.runs)}/", f"runs/{max(self.runs)}/candidates/"):
                try:
                    await asyncio.to_thread(self.program.ask, path)
                except OSError:
                    self.refused += 1
                self.requests += 1
                await asyncio.sleep(1 / POLLS_PER_SECOND)

    def sample(self, now: float) -> None:
        for process in self.portal.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                with process.oneshot():
                    facts = process.memory_info().rss, process.num_threads(), process.num_fds()
                    kind = kind_of(process.cmdline())
                if kind:
                    self.samples[kind].append(Sample(now, process.pid, *facts, self.done))


def kind_of(command: list[str]) -> str:
    """`supervisor` is the task cluster: its workers keep the leases."""
    names = {
        "daphne": "web",
        "nasportal.server.task_cluster": "supervisor",
        "nasportal.server.watchdog": "guard",
        "searches.engine": "engine",
        "searches.evaluation.worker": "evaluator",
    }
    return next((kind for module, kind in names.items() if module in command), "")


def growth(samples: list[Sample], whole: float) -> dict[str, Any]:
    """Slopes of the processes that live through it all, or of each short-lived one's highest mark."""
    late = [each for each in samples if each.seconds >= WARM_UP * whole]
    by_process: dict[int, list[Sample]] = defaultdict(list)
    for each in late:
        by_process[each.pid].append(each)
    lasting = [own for own in by_process.values() if own[-1].seconds - own[0].seconds > whole / 2]
    marks = [max(own, key=lambda each: each.rss) for own in by_process.values()]
    rows = max(lasting, key=lambda own: slope(own, "rss", "seconds")) if lasting else marks
    if len(rows) < 3:
        return {"samples": len(rows)}
    span = rows[-1].seconds - rows[0].seconds
    return {
        "samples": len(late),
        "processes": len(by_process),
        "lasting": bool(lasting),
        "rss_mib": round(statistics.median(each.rss for each in late) / 2**20, 1),
        "rss_bytes_per_evaluation": round(slope(rows, "rss", "evaluations")),
        "rss_grown_bytes": round(slope(rows, "rss", "seconds") * span),
        "threads_grown": round(slope(rows, "threads", "seconds") * span, 1),
        "descriptors_grown": round(slope(rows, "descriptors", "seconds") * span, 1),
    }


def slope(rows: list[Sample], what: str, along: str) -> float:
    across = [float(getattr(each, along)) for each in rows]
    if len(set(across)) < 2:
        return 0.0
    return statistics.linear_regression(across, [float(getattr(each, what)) for each in rows]).slope


def faults_of(kind: str, found: dict[str, Any]) -> list[str]:
    """What has grown, each in a sentence."""
    if "rss_mib" not in found:
        return []
    faults = []
    each = found["rss_bytes_per_evaluation"]
    if each > BYTES_PER_EVALUATION and found["rss_grown_bytes"] > BYTES_AT_LEAST:
        faults.append(f"{kind}: {each:,} bytes more for each evaluation, {found['rss_grown_bytes']:,} in all")
    for what, most in (("threads", THREADS), ("descriptors", DESCRIPTORS)):
        if found[f"{what}_grown"] > most:
            faults.append(f"{kind}: {found[f'{what}_grown']} {what} more")
    return faults


def soaked(minutes: float, evaluations: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, running_portal(Path(folder) / "var") as portal:
        soak = Soak(portal, evaluations or 12, together=1 if evaluations else 2)
        seconds = asyncio.run(soak.work(minutes * 60))
        kinds = {kind: growth(samples, seconds) for kind, samples in sorted(soak.samples.items())}
        faults = [fault for kind, found in kinds.items() for fault in faults_of(kind, found)]
        faults += [f"run {pk} is failed" for pk, run in soak.runs.items() if run["status"] == "failed"]
        if soak.refused:
            faults.append(f"{soak.refused} of {soak.requests} requests failed")
        return {
            "minutes": round(seconds / 60, 1),
            "searches": len(soak.runs),
            "evaluations": soak.done,
            "requests": soak.requests,
            "frames": soak.frames,
            "processes": kinds,
            "faults": faults,
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.split("\n")[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--evaluations", type=int, default=0, help="of one search, instead of a stream of small ones")
    options = parser.parse_args()
    found = soaked(options.minutes, options.evaluations)
    print(json.dumps(found, indent=2))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())

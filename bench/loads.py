"""The portal under load: many sockets on many runs, API requests beside them, on the real `up` with SQLite.

Latency of an event is from its row's moment to its arrival in a client of this machine.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import random
from typing import Any
from urllib.request import Request, urlopen

from tests.nasportal.server.test_kills import Program
from tests.support.portal import ROOT, Portal, running_portal, wait_until
from tests.support.wire import Closed, opened

RUNS, SECONDS, RATE = 20, 30.0, 5.0  # events a second of each run
WARM_EPOCHS, ALONE_SECONDS = 5, 15.0
REQUEST_RATES, REQUEST_SECONDS = (25, 50, 100), 15.0


def run() -> dict[str, Any]:
    return {
        "200 sockets, 20 runs, 5 events/s each": loaded(sockets=200),
        "1,000 sockets": loaded(sockets=1000),
        "API requests beside a search": beside_a_search(),
    }


def beside_a_search() -> dict[str, Any]:
    """What a program does that waits for a run, at rising rates, while the run's evaluators fill every core."""
    with tempfile.TemporaryDirectory() as folder, running_portal(Path(folder) / "var") as portal:
        program = Program(portal)
        project = program.ask("projects/", {"name": "Load"})["slug"]
        spec = {"evaluations": 5000, "training": {"epochs": 1}, "objectives": ["accuracy", "params"]}
        run = program.ask("runs/", {"project": project, "name": "load", "spec": spec})
        path = f"runs/{run['id']}/"
        wait_until(lambda: program.ask(path)["evaluations_done"] > 0, 120)
        address = f"{portal.address}/api/v1/{path}"
        return {f"{rate} a second": asyncio.run(asked(address, program.token, rate)) for rate in REQUEST_RATES}


async def asked(address: str, token: str, rate: float) -> dict[str, Any]:
    asking = asyncio.create_task(ask(address, token, rate))
    await asyncio.sleep(REQUEST_SECONDS)
    asking.cancel()
    answers, statuses = await asking
    return {
        "requests": len(answers),
        "p50_s": round(percentile(answers, 0.5), 3),
        "p95_s": round(percentile(answers, 0.95), 3),
        "server_errors": sum(status >= 500 for status in statuses),
    }


def loaded(sockets: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, running_portal(Path(folder) / "var") as portal:
        command = [sys.executable, "-m", "bench.pouring", str(RUNS), str(SECONDS), str(RATE)]
        pouring = subprocess.Popen(
            command, cwd=ROOT, env=portal.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert pouring.stdout is not None
        known = json.loads(pouring.stdout.readline())
        training = Training()
        try:
            wait_until(lambda: len(training.epochs) >= WARM_EPOCHS, 120)
            alone = training.rate(ALONE_SECONDS)
            found = asyncio.run(measured(portal, pouring, known, sockets, training))
            return found | {"training_slowed_percent": round(100 * (1 - found.pop("epochs_a_second") / alone), 1)}
        finally:
            for process in (pouring, training.process):
                process.kill()
                process.wait()


class Training:
    """One evaluator's training beside it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "bench.pacing"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.epochs: list[float] = []  # when each ended
        threading.Thread(target=self._read, daemon=True).start()

    def rate(self, seconds: float) -> float:
        """Epochs a second, in the time that comes."""
        first = len(self.epochs)
        time.sleep(seconds)
        ended = self.epochs[first:]
        return (len(ended) - 1) / (ended[-1] - ended[0])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for _ in self.process.stdout:
            self.epochs.append(time.monotonic())


async def measured(
    portal: Portal, pouring: "subprocess.Popen[str]", known: dict[str, Any], sockets: int, training: Training
) -> dict[str, Any]:
    seen: list[Seen] = [Seen(known["runs"][number % RUNS]) for number in range(sockets)]
    watching = [asyncio.create_task(watch(portal, known["cookies"], each)) for each in seen]
    began = time.monotonic()
    await asyncio.wait_for(asyncio.gather(*(each.is_watching.wait() for each in seen)), 120)
    settled = time.monotonic() - began
    assert pouring.stdin is not None
    pacing = asyncio.create_task(asyncio.to_thread(training.rate, SECONDS))
    pouring.stdin.write("go\n")
    pouring.stdin.flush()
    assert pouring.stdout is not None
    ended = json.loads(await asyncio.to_thread(pouring.stdout.readline))
    await asyncio.sleep(3)
    for task in watching:
        task.cancel()
    times = [each for one in seen for each in one.seconds]
    whole = sum(one.seqs == list(range(one.seqs[0], ended["seqs"][str(one.run)] + 1)) for one in seen if one.seqs)
    found = {
        "all_watching_after_s": round(settled, 1),
        "connections_tried_again": sum(each.failures for each in seen),
        "event_p50_s": round(percentile(times, 0.5), 3),
        "event_p95_s": round(percentile(times, 0.95), 3),
        "frames": len(times),
        "clients_that_saw_each_event_once": f"{whole} of {sockets}",
        "writer_most_seconds_behind": ended["most_seconds_behind"],
        "epochs_a_second": await pacing,
    }
    return found


class Seen:
    """What one client got."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.is_watching = asyncio.Event()
        self.failures = 0
        self.seqs: list[int] = []
        self.seconds: list[float] = []


async def watch(portal: Portal, cookies: dict[str, str], seen: Seen) -> None:
    """As a page does it: who was let go before the first snapshot comes again, later and later."""
    while not seen.is_watching.is_set():
        try:
            await follow(portal, cookies, seen)
        except (ConnectionError, asyncio.IncompleteReadError, Closed):
            if seen.is_watching.is_set():
                raise
            seen.failures += 1
            await asyncio.sleep(min(15.0, 0.5 * 2 ** (seen.failures - 1)) * (0.5 + random()))


async def follow(portal: Portal, cookies: dict[str, str], seen: Seen) -> None:
    async with opened(portal.port, f"/ws/runs/{seen.run}/", cookies, portal.address) as wire:
        while True:
            frame = await wire.receive()
            if frame["type"] == "snapshot":
                seen.is_watching.set()
            if "at" in frame and frame["type"] == "event":
                now = datetime.now(UTC)
                seen.seconds.append((now - datetime.fromisoformat(frame["at"])).total_seconds())
                seen.seqs.append(frame["seq"])


async def ask(address: str, token: str, rate: float) -> tuple[list[float], list[int]]:
    """Requests at a steady rate, whatever the answers take; until it is cancelled."""
    seconds: list[float] = []
    statuses: list[int] = []
    going: set[asyncio.Task[None]] = set()

    async def once() -> None:
        began = time.perf_counter()
        statuses.append(await asyncio.to_thread(status_of, address, token))
        seconds.append(time.perf_counter() - began)

    try:
        while True:
            task = asyncio.create_task(once())
            going.add(task)
            task.add_done_callback(going.discard)
            await asyncio.sleep(1 / rate)
    except asyncio.CancelledError:
        await asyncio.gather(*going)
        return seconds, statuses


def status_of(address: str, token: str) -> int:
    from urllib.error import HTTPError

    try:
        with urlopen(Request(address, headers={"Authorization": f"Bearer {token}"}), timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except HTTPError as error:
        return error.code


def percentile(values: Sequence[float], share: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1] if len(values) > 1 else 0.0

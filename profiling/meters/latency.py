"""Latency of one image on this machine: measured beside a reference network, so that load is seen and corrected.

Each round runs the candidate and the reference once. Other processes slow both alike, so the ratio of their low
percentiles stays within a few percent where the raw median moves five-fold; the corrected value is that ratio times the
reference's own time, which is taken once for a machine and a torch build and then kept. Only one measurement runs at a
time on a machine. Torch is imported when something is measured.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from profiling.meters.reading import Reading

if TYPE_CHECKING:
    from torch import nn

WARM_UP_SECONDS = 0.05
WARM_UP_RUNS = 5
LEAST_ROUNDS = 50
LEAST_SECONDS = 0.25
MOST_SECONDS = 2.0
PARTS = 5  # the rounds in order, cut into parts: their ratios must agree
WIDEST_SPREAD = 0.15
PERCENTILE = 10
REFERENCE_SECONDS = 1.0

Times = NDArray[np.float64]  # milliseconds, one a round
Run = Callable[[], object]


@dataclass(frozen=True)
class Rounds:
    """Times of the candidate and of the reference, round by round."""

    candidate: Times
    reference: Times

    def ratio(self) -> float:
        return low(self.candidate) / low(self.reference)

    def spread(self) -> float:
        """How far the ratios of consecutive parts lie apart, relative to the whole's."""
        parts = zip(np.array_split(self.candidate, PARTS), np.array_split(self.reference, PARTS), strict=True)
        ratios = [low(candidate) / low(reference) for candidate, reference in parts]
        return (max(ratios) - min(ratios)) / self.ratio()


def low(times: Times) -> float:
    return float(np.percentile(times, PERCENTILE))


def latency(module: nn.Module, input_shape: tuple[int, ...], most_seconds: float = MOST_SECONDS) -> Reading:
    """Milliseconds for one image, one thread, eval mode; ``details`` hold the raw times and how far they agree."""
    with one_thread(), one_at_a_time() as folder:
        reference = reference_network()
        nominal = reference_ms(folder, reference)
        rounds = measure(runner(module, input_shape), reference, most_seconds)
    return reading(rounds, nominal)


def reading(rounds: Rounds, nominal: float) -> Reading:
    raw, spread = rounds.candidate, rounds.spread()
    return Reading(
        rounds.ratio() * nominal,
        "ms",
        "measured",
        {
            "raw_p50_ms": float(np.percentile(raw, 50)),
            "raw_p95_ms": float(np.percentile(raw, 95)),
            "raw_min_ms": float(raw.min()),
            "ratio": rounds.ratio(),
            "reference_ms": nominal,
            "slowed_by": low(rounds.reference) / nominal,
            "rounds": len(raw),
            "spread": spread,
            "is_steady": spread <= WIDEST_SPREAD,
            "backend": "torch eager, one thread, batch 1",
            "machine": machine(),
        },
    )


def measure(candidate: Run, reference: Run, most_seconds: float) -> Rounds:
    """Rounds until the parts agree, or the time is up."""
    warm_up(candidate)
    warm_up(reference)
    times: list[tuple[float, float]] = []
    started = time.perf_counter()
    wanted = LEAST_SECONDS
    while True:
        while len(times) < LEAST_ROUNDS or time.perf_counter() - started < wanted:
            times.append((timed(candidate), timed(reference)))
        found = np.array(times)
        rounds = Rounds(found[:, 0], found[:, 1])
        if rounds.spread() <= WIDEST_SPREAD or time.perf_counter() - started >= most_seconds:
            return rounds
        wanted = min(2 * wanted, most_seconds)


def warm_up(run: Run) -> None:
    started = time.perf_counter()
    runs = 0
    while runs < WARM_UP_RUNS or time.perf_counter() - started < WARM_UP_SECONDS:
        run()
        runs += 1


def timed(run: Run) -> float:
    started = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - started) * 1e-6


def runner(module: nn.Module, input_shape: tuple[int, ...]) -> Run:
    import torch

    module.eval()
    image = torch.zeros((1, *input_shape)).contiguous(memory_format=torch.channels_last)

    def run() -> object:
        with torch.inference_mode():
            return module(image)

    return run


def reference_network() -> Run:
    """A small convolutional network, always the same: kernels of a candidate's kind, a fraction of a millisecond."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        channels = 16
        for out in (16, 32, 32):
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
            channels = out
        network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))
    return runner(network.to(memory_format=torch.channels_last), (16, 8, 8))  # type: ignore[call-overload]


def reference_ms(folder: Path, reference: Run) -> float:
    """The reference's own low time here, measured once and kept: all latencies of a machine are on one scale."""
    kept = folder / "reference.json"
    try:
        document = json.loads(kept.read_text())
        if document["machine"] == machine():
            return float(document["milliseconds"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or by another version: measured now
    warm_up(reference)
    started = time.perf_counter()
    times = []
    while time.perf_counter() - started < REFERENCE_SECONDS:
        times.append(timed(reference))
    milliseconds = low(np.array(times))
    temporary = folder / f"reference.{os.getpid()}"
    temporary.write_text(json.dumps({"machine": machine(), "milliseconds": milliseconds}))
    temporary.replace(kept)
    return milliseconds


def machine() -> str:
    """Kind of machine and torch build: what a measured time belongs to."""
    import torch

    return f"{platform.machine()}, {processor()}, torch {torch.__version__}"


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith(("model name", "Model")):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or "unknown processor"


@contextmanager
def one_at_a_time() -> Iterator[Path]:
    """A lock for this user on this machine; its folder also keeps the reference's time."""
    folder = Path(tempfile.gettempdir()) / f"nas-portal-latency-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; remove it")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # falls with the process: a killed measurement leaves nothing behind
        yield folder


@contextmanager
def one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

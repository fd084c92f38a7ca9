"""Latency on this machine: measured beside a reference network, so that load is seen and corrected.

Each round times the candidate and then the reference, which has run once more in between: straight behind the candidate
it would be timed with its caches cold, by as much as the candidate is large and the neighbours are loud. Other
processes slow both alike, so the ratio of their quickest times stays within a few percent where the raw median moves
five-fold; the corrected value is that ratio times the reference's own time, which is taken once for a machine and a
torch build and then kept. Rounds go on until the median's confidence interval is narrow, consecutive parts agree
closely and the reference is as quick as it can be, or the time is up; where parts hardly agree then, the measurement
is rejected and made again. Only one measurement runs at a time on a machine. Torch is imported when something is
measured.
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

from nasportal.lib.machine import processor
from profiling.meters import heap
from profiling.meters.reading import Reading

if TYPE_CHECKING:
    from torch import nn

WARM_UP_SECONDS = 0.05
WARM_UP_RUNS = 5
LEAST_ROUNDS = 50
LEAST_SECONDS = 0.25
MOST_SECONDS = 2.0
NARROW = 0.05  # of the median's 95 % confidence interval, and of the parts' spread: then there is nothing to wait for
UNSLOWED = 1.02  # times its own time: a reference that is slower has not had a quiet moment yet
ATTEMPTS = 3  # of a measurement whose parts do not agree
PARTS = 5  # the rounds in order, cut into parts: their ratios must agree
WIDEST_SPREAD = 0.15
QUICKEST_SHARE, QUICKEST_LEAST = 0.02, 3  # of the rounds: a busy neighbour rests at times, and then the network shows
REFERENCE_SECONDS = 1.0

Times = NDArray[np.float64]  # milliseconds, one per round
Run = Callable[[], object]
Clock = Callable[[Run], float]  # milliseconds of one run


@dataclass(frozen=True)
class Rounds:
    """Times of the candidate and of the reference, round by round."""

    candidate: Times
    reference: Times

    def ratio(self) -> float:
        return low(self.candidate) / low(self.reference)

    def spread(self) -> float:
        """Returns how far the ratios of consecutive parts lie apart, relative to the whole's."""
        parts = zip(np.array_split(self.candidate, PARTS), np.array_split(self.reference, PARTS), strict=True)
        ratios = [low(candidate) / low(reference) for candidate, reference in parts]
        return (max(ratios) - min(ratios)) / self.ratio()

    def is_steady(self) -> bool:
        return self.spread() <= WIDEST_SPREAD

    def is_settled(self, nominal: float) -> bool:
        """More rounds would show nothing new; ``nominal`` is the reference's own time."""
        least, most = median_interval(self.candidate)
        is_narrow = most - least <= NARROW * float(np.median(self.candidate)) and self.spread() <= NARROW
        return is_narrow and low(self.reference) <= UNSLOWED * nominal


def median_interval(times: Times) -> tuple[float, float]:
    """Returns the 95 % confidence interval of the median of times (rounds,), in ms, by order statistics.

    No distribution is assumed.
    """
    ordered, count = np.sort(times), len(times)
    reach = 0.98 * np.sqrt(count)  # 1.96 standard deviations of a binomial count with p = 1/2
    least, most = int(max(0, np.floor(count / 2 - reach))), int(min(count - 1, np.ceil(count / 2 + reach)))
    return float(ordered[least]), float(ordered[most])


def low(times: Times) -> float:
    """Returns the mean of the quickest of times (rounds,), in ms."""
    count = min(len(times), max(QUICKEST_LEAST, round(QUICKEST_SHARE * len(times))))
    return float(np.partition(times, count - 1)[:count].mean())


def latency(
    module: nn.Module,
    input_shape: tuple[int, ...],
    most_seconds: float = MOST_SECONDS,
    *,
    batch: int = 1,
    device: str = "cpu",
) -> Reading:
    """Milliseconds for a batch, eager, eval mode; ``details`` hold the raw times and how far they agree."""
    return latency_of_run(runner(module, input_shape, batch, device), most_seconds, batch=batch, device=device)


def latency_of_run(
    run: Run, most_seconds: float = MOST_SECONDS, *, batch: int = 1, device: str = "cpu", backend: str = "eager"
) -> Reading:
    """A run of whatever backend, beside the same reference: a rejected measurement is made again, at most twice."""
    with one_thread(), heap.kept(), one_at_a_time() as folder:
        reference = reference_network(device)
        nominal = reference_ms(folder, reference, device)
        tried = [measure(run, reference, nominal, most_seconds, clock_of(device))]
        while not tried[-1].is_steady() and len(tried) < ATTEMPTS:
            tried.append(measure(run, reference, nominal, most_seconds, clock_of(device)))
        kind = machine(device)
    best = min(tried, key=Rounds.spread)
    rejected = sum(not each.is_steady() for each in tried)
    return reading(best, nominal, batch=batch, backend=backend, rejected=rejected, kind=kind)


def reading(
    rounds: Rounds, nominal: float, *, batch: int = 1, backend: str = "eager", rejected: int = 0, kind: str = ""
) -> Reading:
    raw, spread = rounds.candidate, rounds.spread()
    value = rounds.ratio() * nominal
    is_steady = rounds.is_steady()
    return Reading(
        value,
        "ms",
        "measured",
        {
            "raw_p50_ms": float(np.percentile(raw, 50)),
            "raw_p50_interval_ms": list(median_interval(raw)),
            "raw_p95_ms": float(np.percentile(raw, 95)),
            "raw_min_ms": float(raw.min()),
            "images_per_s": batch / value * 1e3,
            "ratio": rounds.ratio(),
            "reference_ms": nominal,
            "slowed_by": low(rounds.reference) / nominal,
            "rounds": len(raw),
            "spread": spread,
            "is_steady": is_steady,
            "rejected": rejected,
            "verdict": "" if is_steady else refusal(spread),
            "backend": f"{backend}, one thread, batch {batch}",
            "machine": kind or machine(),
        },
    )


def refusal(spread: float) -> str:
    return (
        f"rejected: parts of the measurement differ by {spread:.0%}, more than {WIDEST_SPREAD:.0%}; "
        "measure again on a quieter machine"
    )


def measure(candidate: Run, reference: Run, nominal: float, most_seconds: float, clock: Clock | None = None) -> Rounds:
    """Rounds until nothing new is to be learnt, or the time is up."""
    clock = clock or timed
    warm_up(candidate)
    warm_up(reference)
    times: list[tuple[float, float]] = []
    started = time.perf_counter()
    wanted = LEAST_SECONDS
    while True:
        while len(times) < LEAST_ROUNDS or time.perf_counter() - started < wanted:
            spent = clock(candidate)
            reference()
            times.append((spent, clock(reference)))
        found = np.array(times)
        rounds = Rounds(found[:, 0], found[:, 1])
        if rounds.is_settled(nominal) or time.perf_counter() - started >= most_seconds:
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


def clock_of(device: str) -> Clock:
    """A GPU works behind the caller's back: its own events record when it began and ended."""
    return timed if device == "cpu" else timed_on_cuda


def timed_on_cuda(run: Run) -> float:
    import torch

    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    began.record()
    run()
    ended.record()
    torch.cuda.synchronize()
    return float(began.elapsed_time(ended))


def runner(module: nn.Module, input_shape: tuple[int, ...], batch: int = 1, device: str = "cpu") -> Run:
    import torch

    module.eval().to(device)
    images = torch.zeros((batch, *input_shape), device=device).contiguous(memory_format=torch.channels_last)

    def run() -> object:
        with torch.inference_mode():
            return module(images)

    return run


def reference_network(device: str = "cpu") -> Run:
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
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return runner(network, (16, 8, 8), device=device)


def reference_ms(folder: Path, reference: Run, device: str = "cpu") -> float:
    """The reference's own low time here, measured once and kept: all latencies of a machine are on one scale."""
    kept = folder / ("reference.json" if device == "cpu" else f"reference-{device}.json")
    kind = machine(device)
    try:
        document = json.loads(kept.read_text())
        if document["machine"] == kind:
            return float(document["milliseconds"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or by another version: measured now
    warm_up(reference)
    clock = clock_of(device)
    started = time.perf_counter()
    times = []
    while time.perf_counter() - started < REFERENCE_SECONDS:
        times.append(clock(reference))
    milliseconds = low(np.array(times))
    temporary = folder / f"reference.{os.getpid()}"
    temporary.write_text(json.dumps({"machine": kind, "milliseconds": milliseconds}))
    temporary.replace(kept)
    return milliseconds


def machine(device: str = "cpu") -> str:
    """Kind of machine and torch build: what a measured time belongs to."""
    import torch

    chip = processor() or "unknown processor" if device == "cpu" else torch.cuda.get_device_name()
    return f"{platform.machine()}, {chip}, torch {torch.__version__}"


@contextmanager
def one_at_a_time() -> Iterator[Path]:
    """A lock for this user on this machine; its folder also keeps the reference's time."""
    folder = private_folder("latency")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # falls with the process: a killed measurement leaves nothing behind
        yield folder


def private_folder(name: str) -> Path:
    """Makes a folder of this user among the temporary files.

    Raises PermissionError where it belongs to another user.
    """
    folder = Path(tempfile.gettempdir()) / f"nas-portal-{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; remove it")
    return folder


@contextmanager
def one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

#!/usr/bin/env python3
"""nasportal-agent: measures networks on this device for a NAS Portal. Needs Python 3.10, numpy and onnxruntime.

    pip install onnxruntime numpy
    python3 nasportal_agent.py https://portal.example --code ABCDE-FGHJK     pairs and starts
    python3 nasportal_agent.py https://portal.example                        goes on later

It asks the portal for work, fetches one ONNX file at a time into memory, runs it on one thread beside a small reference
network, and posts times and memory. It opens no port, runs nothing but ONNX files, and keeps one file: its token
(~/.nasportal-agent.json, readable by its user only).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

VERSION = 1
WARM_UP_RUNS = 5
WARM_UP_SECONDS = 0.1
LEAST_ROUNDS = 30
LEAST_SECONDS = 0.3
MOST_SECONDS = 8.0
NARROW = 0.05  # of the median's 95 % confidence interval, and of the parts' spread: then there is nothing to wait for
PARTS, WIDEST_SPREAD = 5, 0.15
UNSLOWED = 1.02  # times its own time: a reference that is slower has not had a quiet moment yet
QUICKEST_SHARE, QUICKEST_LEAST = 0.02, 3  # of the rounds: they show the network, the others what goes on beside it
RETRY_SECONDS = 5.0
TIMEOUT_SECONDS = 60.0
Run = Callable[[], object]
Document = dict[str, Any]


class Refused(Exception):
    """The portal's answer is no: what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Portal:
    """Three questions over HTTP, and the token that allows them."""

    def __init__(self, address: str, token: str = "") -> None:
        self.address = address.rstrip("/")
        self.token = token

    def ask(self, path: str, document: Document | None = None) -> bytes:
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.address}/agent/{path}", data)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(error.code, said(error)) from error

    def tell(self, path: str, document: Document) -> Any:
        return json.loads(self.ask(path, document))


def said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the portal answered {error.code}"


# Measuring


def session_of(model: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def runner(session: Any) -> Run:
    import numpy

    wanted = session.get_inputs()[0]
    images = {wanted.name: numpy.zeros([side if isinstance(side, int) else 1 for side in wanted.shape], "float32")}
    return lambda: session.run(None, images)


def milliseconds(run: Run) -> float:
    started = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - started) * 1e-6


def warm_up(run: Run) -> None:
    started, runs = time.perf_counter(), 0
    while runs < WARM_UP_RUNS or time.perf_counter() - started < WARM_UP_SECONDS:
        run()
        runs += 1


def low(times: Any) -> float:
    """The mean of the quickest rounds."""
    import numpy

    count = min(len(times), max(QUICKEST_LEAST, round(QUICKEST_SHARE * len(times))))
    return float(numpy.partition(times, count - 1)[:count].mean())


def spread(candidate: Sequence[float], reference: Sequence[float]) -> float:
    """How far the ratios of consecutive parts lie apart, relative to the whole's."""
    import numpy

    parts = zip(numpy.array_split(candidate, PARTS), numpy.array_split(reference, PARTS), strict=True)
    ratios = [low(first) / low(second) for first, second in parts]
    return (max(ratios) - min(ratios)) / (low(candidate) / low(reference))


def is_narrow(times: Sequence[float]) -> bool:
    """The 95 % interval of the median, by order statistics."""
    ordered, count = sorted(times), len(times)
    reach = 0.98 * count**0.5
    least, most = ordered[max(0, int(count / 2 - reach))], ordered[min(count - 1, int(count / 2 + reach) + 1)]
    return most - least <= NARROW * ordered[count // 2]


def measure(
    candidate: Run, reference: Run, nominal_ms: float, most_seconds: float
) -> tuple[list[float], list[float], bool]:
    """Rounds of both until the median is known, the parts agree and the reference is quick, or the time is up."""
    warm_up(candidate)
    warm_up(reference)
    times: list[tuple[float, float]] = []
    started, wanted = time.perf_counter(), LEAST_SECONDS
    while True:
        while len(times) < LEAST_ROUNDS or time.perf_counter() - started < wanted:
            spent = milliseconds(candidate)
            reference()  # straight behind the candidate its caches would be cold
            times.append((spent, milliseconds(reference)))
            if time.perf_counter() - started > 3 * most_seconds and len(times) >= PARTS:
                break  # a network that takes seconds
        mine, theirs = [each[0] for each in times], [each[1] for each in times]
        apart = spread(mine, theirs)
        is_settled = apart <= NARROW and is_narrow(mine) and low(theirs) <= UNSLOWED * nominal_ms
        if is_settled or time.perf_counter() - started >= most_seconds:
            return mine, theirs, apart <= WIDEST_SPREAD
        wanted = min(2 * wanted, most_seconds)


def latency(candidate: Run, reference: Run, nominal_ms: float, most_seconds: float) -> Document:
    """Corrected: the ratio of low times, on the scale of the reference's own time on this device."""
    import numpy

    mine, theirs, is_steady = measure(candidate, reference, nominal_ms, most_seconds)
    return {
        "corrected_ms": low(mine) / low(theirs) * nominal_ms,
        "p50_ms": float(numpy.percentile(mine, 50)),
        "p95_ms": float(numpy.percentile(mine, 95)),
        "min_ms": min(mine),
        "reference_ms": nominal_ms,
        "slowed_by": low(theirs) / nominal_ms,
        "rounds": len(mine),
        "spread": spread(mine, theirs),
        "is_steady": is_steady,
    }


def nominal_of(reference: Run) -> float:
    """The reference's own low time here: taken once for a device and kept, so that all its figures are on one scale."""
    warm_up(reference)
    started = time.perf_counter()
    times: list[float] = []
    while time.perf_counter() - started < 1.0:
        times.append(milliseconds(reference))
    return low(times)


def peak_bytes() -> Callable[[], int | None]:
    """The high-water mark of this process's memory, and a function that says by how much it has risen since."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = high_water()
        return lambda: max(0, high_water() - before)
    except OSError:
        return lambda: None


def high_water() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no high-water mark")


# The machine


def specification() -> Document:
    import onnxruntime

    return {
        "agent": VERSION,
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": memory_bytes(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
    }


def processor() -> str:
    for path, names in (("/proc/device-tree/model", None), ("/proc/cpuinfo", ("model name", "Model"))):
        try:
            text = Path(path).read_text(errors="replace")
        except OSError:
            continue
        if names is None:
            return text.strip("\0 \n")[:100]
        for line in text.splitlines():
            if line.startswith(names):
                return line.split(":", 1)[1].strip()[:100]
    return platform.processor()[:100] or "unknown"


def memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def state() -> Document:
    """What can be read of heat and throttling; None where nothing can."""
    return {"temperature_c": temperature(), "throttled": throttled(), "load": load()}


def temperature() -> float | None:
    found = []
    for zone in Path("/sys/class/thermal").glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(found) if found else None


def throttled() -> bool | None:
    """A Raspberry Pi tells; elsewhere a core whose limit lies below its hardware's is held back."""
    try:
        told = subprocess.run(["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=5, check=True)
        return bool(int(told.stdout.strip().split("=")[1], 16) & 0xF)
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        pass
    held = []
    for core in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"):
        try:
            held.append(int((core / "scaling_max_freq").read_text()) < int((core / "cpuinfo_max_freq").read_text()))
        except (OSError, ValueError):
            continue
    return any(held) if held else None


def load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


# The course of things


class Kept:
    """The token and the reference's time, in a file of this user's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, address: str) -> Document:
        try:
            return dict(json.loads(self.path.read_text()).get(address, {}))
        except (OSError, ValueError):
            return {}

    def write(self, address: str, **facts: Any) -> None:
        try:
            every = json.loads(self.path.read_text())
        except (OSError, ValueError):
            every = {}
        every[address] = {**every.get(address, {}), **facts}
        beside = self.path.with_name(self.path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(every, file)
        os.replace(beside, self.path)


def work(portal: Portal, kept: Kept, jobs_at_most: int | None, most_seconds: float) -> None:
    """Until stopped; a portal that is away is waited for."""
    beside: tuple[Run, float] | None = None
    done = 0
    while jobs_at_most is None or done < jobs_at_most:
        try:
            beside = beside or reference_of(portal, kept)
            answer = portal.tell("poll/", {"state": state()})
            if answer["job"] is None:
                time.sleep(answer["wait_seconds"])
                continue
            perform(portal, answer["job"], *beside, most_seconds)
            done += 1
        except Refused as refused:
            if refused.status == 403:
                raise
            print(f"{refused}", file=sys.stderr)
            time.sleep(1)
        except OSError as error:  # URLError is one
            print(f"the portal cannot be reached ({error}); asking again", file=sys.stderr)
            time.sleep(RETRY_SECONDS)


def reference_of(portal: Portal, kept: Kept) -> tuple[Run, float]:
    reference = runner(session_of(portal.ask("reference.onnx"), 1))
    nominal = kept.read(portal.address).get("reference_ms")
    if not nominal:
        nominal = nominal_of(reference)
        kept.write(portal.address, reference_ms=nominal)
    return reference, nominal


def perform(portal: Portal, job: Document, reference: Run, nominal: float, most_seconds: float) -> None:
    result: Document = {"token": job["token"]}
    try:
        risen = peak_bytes()
        candidate = runner(session_of(portal.ask(f"jobs/{job['id']}/model.onnx"), job["threads"]))
        result["latency"] = latency(candidate, reference, nominal, most_seconds)
        result["memory"] = {"peak_bytes": risen(), "by": "process, resident memory above what it had before"}
        result["state"] = state()
    except (Refused, OSError):
        raise
    except Exception as error:  # the network's own failure is a result
        traceback.print_exc()
        result = {"token": job["token"], "failure": f"{type(error).__name__}: {error}"}
    portal.tell(f"jobs/{job['id']}/result/", result)
    shown = f"{result['latency']['corrected_ms']:.3f} ms" if "latency" in result else result["failure"]
    print(f"{job['fingerprint'][:12]}  {shown}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="nasportal-agent", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("portal", help="address of the portal, such as http://192.168.1.5:8000")
    parser.add_argument("--code", help="one-time pairing code of the device's page")
    parser.add_argument("--state", type=Path, default=Path.home() / ".nasportal-agent.json", help="file for the token")
    parser.add_argument("--jobs", type=int, help="end after this many measurements")
    parser.add_argument("--seconds", type=float, default=MOST_SECONDS, help="most seconds per network")
    options = parser.parse_args(arguments)
    kept = Kept(options.state)
    portal = Portal(options.portal)
    try:
        if options.code:
            answer = portal.tell("pair/", {"code": options.code, "specification": specification()})
            kept.write(portal.address, token=answer["token"])
            print(f"paired as {answer['name']}", file=sys.stderr)
        portal.token = kept.read(portal.address).get("token", "")
        if not portal.token:
            print("not paired yet: give --code from the device's page", file=sys.stderr)
            return 2
        work(portal, kept, options.jobs, options.seconds)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Latency step by step: eager, fused, channels last, ONNX, int8. Rounds are interleaved: load hits all alike."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from data import INPUT_SHAPE
from inference import EXPORTS, onnx_backend
from model import load
from passes import channels_last, fused

CALLS = 5  # a round
GAIN = 1.03  # below it a step is not called a gain


def steps(batch: int, threads: int) -> dict[str, Callable[[], object]]:
    """Each step does the whole work from an array in memory to logits."""
    array = np.random.default_rng(0).standard_normal((batch, *INPUT_SHAPE)).astype(np.float32)
    images = torch.from_numpy(array)
    last = images.contiguous(memory_format=torch.channels_last)
    eager = load()
    folded = fused(eager)
    moved = channels_last(folded)
    found: dict[str, Callable[[], object]] = {
        "eager": lambda: eager(images),
        "fused": lambda: folded(images),
        "channels last": lambda: moved(last),
    }
    for name, path in EXPORTS.items():
        if path.exists():
            predict = onnx_backend(path, threads)
            found[name] = lambda predict=predict: predict(array)  # type: ignore[misc]
    return found


@torch.inference_mode()
def measure(rounds: int = 50, threads: int = 1, batch: int = 1) -> dict[str, Any]:
    torch.set_num_threads(threads)
    timings: dict[str, list[float]] = {}
    chosen = steps(batch, threads)
    for round_number in range(rounds + 3):
        for name, call in chosen.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                call()
            if round_number >= 3:  # the first ones warm up
                timings.setdefault(name, []).append((time.perf_counter() - started) / CALLS * 1000)
    rows = []
    first = statistics.median(timings["eager"])
    before = first
    for name, values in timings.items():
        p50 = statistics.median(values)
        p95 = sorted(values)[int(0.95 * (len(values) - 1))]
        gained = before / p50
        said = "" if name == "eager" or gained >= GAIN else "no gain here"
        rows.append({"step": name, "p50_ms": p50, "p95_ms": p95, "factor": first / p50, "note": said})
        before = p50
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    return {
        "batch": batch,
        "threads": threads,
        "rounds": rounds,
        "machine": machine,
        "versions": versions,
        "steps": rows,
    }


def as_table(document: dict[str, Any]) -> str:
    lines = [f"{document['machine']}, {document['threads']} threads, batch {document['batch']}"]
    lines.append(f"{'step':<14} {'p50 ms':>9} {'p95 ms':>9} {'times eager':>12}")
    for row in document["steps"]:
        numbers = f"{row['p50_ms']:>9.3f} {row['p95_ms']:>9.3f} {row['factor']:>12.2f}"
        lines.append(f"{row['step']:<14} {numbers}  {row['note']}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_table(measure()))

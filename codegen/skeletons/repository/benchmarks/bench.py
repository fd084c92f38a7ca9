"""A waterfall of passes: latency, size and accuracy step by step; below it, what checkpointing does to training.

Rounds are interleaved, so that load hits all steps alike. bfloat16 and torch.compile stand beside the way, not on it:
`after` names what a step is compared with. ONNX Runtime joins activations to the convolutions before them at its
extended level, and chooses a memory layout at the last one: both are steps of their own.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.training import training_steps
from data import INPUT_SHAPE, DataError, DataSet, Floats, accuracy, open_data
from inference import EXPORTS, onnx_backend
from model import WEIGHTS, load
from passes import channels_last, compiled, fused, without_dead

DEAD = "dead nodes removed"
CALLS = 5  # a round
GAIN = 1.03  # below it a step is not called a gain
LEVELS = {"onnx, steps apart": "ORT_ENABLE_BASIC", "activation fusion": "ORT_ENABLE_EXTENDED"}
MOST_IMAGES = 2_000  # of the test split: accuracy is to tell steps apart, not to be published


@dataclass(frozen=True)
class Step:
    """One way to run the network: from an array in memory to logits."""

    predict: Callable[[Floats], Any]
    size_bytes: int
    after: str = ""
    gains: bool = True  # False: there is nothing that it could change


def steps(threads: int, with_compile: bool) -> dict[str, Step]:
    eager = load()
    alive = without_dead(eager)
    has_dead = any(isinstance(module, torch.nn.Dropout) for module in eager.modules())
    folded = fused(alive)
    moved = channels_last(folded)
    kept = sum(weight.nbytes for weight in folded.state_dict().values())
    found = {
        "eager": Step(lambda array: eager(torch.from_numpy(array)), WEIGHTS.stat().st_size),
        DEAD: Step(lambda array: alive(torch.from_numpy(array)), WEIGHTS.stat().st_size, "eager", has_dead),
        "fused": Step(lambda array: folded(torch.from_numpy(array)), kept, DEAD),
        "channels last": Step(lambda array: moved(as_last(array)), kept, "fused"),
        "bfloat16": Step(lambda array: in_bfloat16(moved, as_last(array)), kept, "channels last"),
    }
    if with_compile:
        quick = compiled(moved)
        found["compiled"] = Step(lambda array: quick(as_last(array)), kept, "channels last")
    before = "channels last"
    if EXPORTS["onnx"].exists():
        for name, level in LEVELS.items():
            size = EXPORTS["onnx"].stat().st_size
            found[name] = Step(onnx_backend(EXPORTS["onnx"], threads, level), size, before)
            before = name
    for name, path in EXPORTS.items():
        if path.exists():
            found[name] = Step(onnx_backend(path, threads), path.stat().st_size, before)
            before = name
    return found


def as_last(array: Floats) -> torch.Tensor:
    return torch.from_numpy(array).contiguous(memory_format=torch.channels_last)


def in_bfloat16(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits: torch.Tensor = model(images)
    return logits.float()


def measure(
    rounds: int = 50, threads: int = 1, batch: int = 1, data: str | None = None, with_compile: bool = False
) -> dict[str, Any]:
    torch.set_num_threads(threads)
    with torch.inference_mode():
        rows, dataset = waterfall(rounds, threads, batch, data, with_compile)
    return {
        "batch": batch,
        "threads": threads,
        "rounds": rounds,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "accuracy_on": None if dataset is None else f"{len(dataset.rows['test'])} test images",
        "steps": rows,
        "training": training_steps(),
    }


def waterfall(
    rounds: int, threads: int, batch: int, data: str | None, with_compile: bool
) -> tuple[list[dict[str, Any]], DataSet | None]:
    chosen = steps(threads, with_compile)
    timings = timed({name: step for name, step in chosen.items() if name != DEAD or step.gains}, rounds, batch)
    timings.setdefault(DEAD, timings["eager"])
    dataset = data_at_hand(data)
    rows: list[dict[str, Any]] = []
    medians = {name: statistics.median(values) for name, values in timings.items()}
    for name, step in chosen.items():
        values = timings[name]
        gained = medians[step.after] / medians[name] if step.after else 1.0
        row: dict[str, Any] = {"step": name, "after": step.after, "p50_ms": medians[name]}
        row |= {"p95_ms": sorted(values)[int(0.95 * (len(values) - 1))], "factor": medians["eager"] / medians[name]}
        row |= {"gain": gained, "note": "no gain here" if step.after and gained < GAIN else ""}
        row |= {"bytes": step.size_bytes, "accuracy": None if dataset is None else measured(step, dataset)}
        rows.append(row)
    return rows, dataset


def timed(chosen: dict[str, Step], rounds: int, batch: int) -> dict[str, list[float]]:
    """Milliseconds a call, by step and round."""
    array = np.random.default_rng(0).standard_normal((batch, *INPUT_SHAPE)).astype(np.float32)
    timings: dict[str, list[float]] = {}
    for round_number in range(rounds + 3):
        for name, step in chosen.items():
            step.predict(array)  # what the step before it left in the caches is none of its affair
            started = time.perf_counter()
            for _ in range(CALLS):
                step.predict(array)
            if round_number >= 3:  # the first ones warm up
                timings.setdefault(name, []).append((time.perf_counter() - started) / CALLS * 1000)
    return timings


def data_at_hand(data: str | None) -> DataSet | None:
    try:
        dataset = open_data(data)
    except (DataError, OSError, ImportError):
        return None
    return DataSet(dataset.images, dataset.targets, {"test": dataset.rows["test"][:MOST_IMAGES]})


def measured(step: Step, dataset: DataSet) -> float:
    return accuracy(lambda images: np.asarray(step.predict(images)), dataset)


def as_table(document: dict[str, Any]) -> str:
    lines = [f"{document['machine']}, {document['threads']} threads, batch {document['batch']}"]
    lines.append(f"{'step':<18} {'p50 ms':>9} {'p95 ms':>9} {'times eager':>12} {'bytes':>10} {'accuracy':>9}")
    for row in document["steps"]:
        shown = "—" if row["accuracy"] is None else f"{row['accuracy']:.4f}"
        numbers = f"{row['p50_ms']:>9.3f} {row['p95_ms']:>9.3f} {row['factor']:>12.2f} {row['bytes']:>10,} {shown:>9}"
        lines.append(f"{row['step']:<18} {numbers}  {row['note']}".rstrip())
    for row in document["training"]:
        peak = f"{row['p50_ms']:>9.3f} ms, peak {row['peak_bytes']:,} bytes  {row['note']}"
        lines.append(f"training, batch {row['batch']}, {row['step']:<14} {peak}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_table(measure()))

"""One training step with all activations kept, and with those between layers only: time and peak of memory."""

import statistics
import time
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from data import INPUT_SHAPE
from model import load
from passes import checkpoint_activations

BATCH = 32
STEPS = 5  # measured; one before them warms up
GAIN = 0.97  # of the plain peak: above it nothing was gained


def training_steps() -> list[dict[str, Any]]:
    rows = [measured(name) for name in ("plain", "checkpointed")]
    kept = rows[1]["peak_bytes"] > GAIN * rows[0]["peak_bytes"]
    rows[1]["note"] = "no gain here" if kept else ""
    return rows


def measured(name: str) -> dict[str, Any]:
    model = load().train()
    if name == "checkpointed":
        checkpoint_activations(model)
    images = torch.randn(BATCH, *INPUT_SHAPE, generator=torch.Generator().manual_seed(0))
    seconds = []
    for _ in range(STEPS + 1):
        started = time.perf_counter()
        model(images).logsumexp(1).mean().backward()
        seconds.append(time.perf_counter() - started)
    p50_ms = statistics.median(seconds[1:]) * 1000
    return {"step": name, "batch": BATCH, "p50_ms": p50_ms, "peak_bytes": peak(model, images), "note": ""}


def peak(model: torch.nn.Module, images: torch.Tensor) -> int:
    """The most bytes that tensors take at once beside those that are there before the step."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        model(images).logsumexp(1).mean().backward()
    level = most = 0
    for event in sorted(seen.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            level += event.nbytes()
            most = max(most, level)
    return most

"""The long examination of spaces: `make test` runs a tenth of it, `make bench` all of it."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch

from architectures import spaces
from architectures.ir import compact, json
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.ir.verify import verify
from architectures.nets.module import build
from architectures.spaces import Space
from tests.architectures.torch_counts import assert_counts_equal
from tests.architectures.torch_memory import inference_peak, training_peak

INPUTS = (((1, 8, 8), 10), ((3, 32, 32), 10), ((3, 224, 224), 1000))
COUNTED, RUN, RUN_LARGE, PROFILED = 1_000, 100, 20, 50  # architectures of each space and input
TRUTH = Path(os.environ.get("NASPORTAL_TRUTH_DATA", Path(__file__).parents[3] / "shared" / "data"))
TABLE = TRUTH / "nasbench201.csv.gz"


def cases() -> Iterator[Space]:
    for name in spaces.names():
        for shape, classes in INPUTS:
            yield spaces.create(name, shape, classes)


def title(space: Space) -> str:
    return f"{space.name} {'x'.join(map(str, space.input_shape))}"


def graphs(space: Space, count: int, what: str) -> Iterator[Graph]:
    return (space.decode(space.sample(Random(f"{what}/{number}"))) for number in range(count))


def count(space: Space, share: float) -> int:
    """Verified, round-tripped, counted as torch counts on the meta device."""
    wanted = int(COUNTED * share)
    for graph in graphs(space, wanted, "count"):
        verify(graph)
        assert json.loads(json.dumps(graph)) == graph
        assert compact.loads(compact.dumps(graph)) == graph
        counted = complexity(graph)
        assert_counts_equal(graph, counted.params, counted.macs)
    return wanted


def run(space: Space, share: float) -> int:
    """Forward and backward, with finite gradients for all parameters."""
    wanted = int((RUN_LARGE if space.input_shape[1] > 64 else RUN) * share)
    images = torch.randn(2, *space.input_shape, generator=torch.Generator().manual_seed(0))
    for graph in graphs(space, wanted, "run"):
        module = build(graph, seed=1)
        logits = module(images)
        assert logits.shape == (2, space.classes)
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
        assert all(each.grad is not None and each.grad.isfinite().all() for each in module.parameters())
    return wanted


def memory(space: Space, share: float) -> tuple[list[float], list[float]]:
    """Counted over seen by torch's profiler: inference (apart from the image, which the caller keeps), training."""
    inference, training = [], []
    for graph in graphs(space, int(PROFILED * share), "memory"):
        counted, seen = complexity(graph), inference_peak(graph)
        image = 4 * torch.Size(space.input_shape).numel()
        nearest = min(max(counted.activation_peak_bytes, seen - image), seen)
        inference.append(counted.activation_peak_bytes / nearest)
        # Large enough that a layer's own gradients of weights are small beside its activations.
        batch = {8: 128, 32: 16, 224: 2}[space.input_shape[1]]
        training.append(batch * counted.training_peak_bytes / training_peak(graph, batch))
    return inference, training


def table() -> list[dict[str, str]]:
    with gzip.open(TABLE, "rt") as file:
        return list(csv.DictReader(file))


def wrong_counts(rows: list[dict[str, str]]) -> list[str]:
    """Codes of NAS-Bench-201 whose literal network's counts differ from the table's printed digits."""
    space = spaces.create("cell201", (3, 32, 32), 10, cells=5)
    found = []
    for row in rows:
        counted = complexity(space.decode(tuple(map(int, row["code"])), prune=False))
        printed = (float(row["c10_params_m"]), float(row["c10_flops_m"]))
        pairs = zip((counted.params, counted.macs), printed, strict=True)
        if any(abs(have / 1e6 - want) > 0.5001e-4 for have, want in pairs):
            found.append(row["code"])
    return found

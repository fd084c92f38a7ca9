"""Repositories: 300 random networks printed and loaded, 30 through the gate, speed step by step, training's options.

NASPORTAL_BENCH_PART=printed|gated|steps|options|times runs one part; NASPORTAL_BENCH_GATED=6 examines six of the
thirty, NASPORTAL_BENCH_FROM=12 begins with the thirteenth.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.ir.json import to_document
from architectures.nets.module import build
from codegen.generator_process import generate_in_child
from codegen.repository_request import RepositoryRequest
from codegen.sources.preview import preview
from codegen.sources.repository import sources
from searches.evaluation import datasets
from searches.presets import PRESETS
from tests.codegen.test_pytorch import difference

SPACES = ("chain", "cell201", "mobile")
SHAPES = ((1, 8, 8), (3, 32, 32), (1, 28, 28), (3, 17, 23))
CLASSES = (2, 10, 37)
SMALL = ((1, 8, 8), (3, 16, 16), (1, 14, 14), (3, 12, 20))  # for whole gates
EXPORTS = ("onnx", "int8", "c", "c_int8", "keras")
EQUAL = 1e-6
LEAST_STEPS, MOST_STEPS, LEARNT = 120, 600, 0.02
ROUNDS = 50
COMPILE_STEPS = 5


def run() -> dict[str, Any]:
    torch.set_num_threads(1)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "printed": printed, "gated": gated, "steps": steps, "options": options, "times": times,
    }  # fmt: skip
    wanted = os.environ.get("NASPORTAL_BENCH_PART")
    return {name: part() for name, part in parts.items() if wanted in (None, name)}


def network(space: str, number: int, shapes: tuple[tuple[int, int, int], ...] = SHAPES) -> Graph:
    random = Random(f"bench/{space}/{number}")
    made = spaces.create(space, random.choice(shapes), random.choice(CLASSES))
    return made.decode(made.sample(random))


def printed() -> dict[str, Any]:
    """300 networks: sources written, ruff clean, weights of a trained step loaded strictly, equal logits."""
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        for space in SPACES:
            for number in range(100):
                graph = network(space, number)
                asked = RepositoryRequest(f"{space} {number}", to_document(graph), exports=())
                sources(asked, graph).write(Path(folder) / f"{space}{number}")
                differences.append(difference(graph, number))
        ruff = [sys.executable, "-m", "ruff"]
        checks = [[*ruff, "check", "--no-cache", folder], [*ruff, "format", "--check", "--no-cache", folder]]
        clean = [subprocess.run(check, capture_output=True, check=False).returncode == 0 for check in checks]
    equal = sum(each <= EQUAL for each in differences)
    return {"networks": len(differences), "equal": equal, "largest_difference": max(differences), "ruff": all(clean)}


def gated() -> dict[str, Any]:
    """Thirty networks, trained a little on patterns that are easy to tell apart, through the whole gate."""
    first = int(os.environ.get("NASPORTAL_BENCH_FROM", "0"))
    count = int(os.environ.get("NASPORTAL_BENCH_GATED", "30"))
    found: list[dict[str, Any]] = []
    for number in range(first, first + count):
        space = SPACES[number % 3]
        with tempfile.TemporaryDirectory() as folder:
            asked = trained(network(space, 1000 + number, SMALL), number, Path(folder))
            verdict = generate_in_child(asked, Path(folder) / "out")
        row = {"space": space, "verdict": verdict["verdict"], "left_out": verdict["left_out"]}
        row |= {"failed": [check for check in verdict["checks"] if not check["passed"]]}
        row |= {"differences": {each["name"]: each["max_difference"] for each in verdict["exports"]}}
        found.append(row | {"seconds": verdict["seconds"]})
        print(json.dumps(row), file=sys.stderr, flush=True)
    return {
        "networks": len(found),
        "passed": sum(row["verdict"] == "passed" for row in found),
        "with_every_export": sum(not row["left_out"] for row in found),
        "left_out": [row["left_out"] for row in found if row["left_out"]],
        "largest_difference": {
            name: max(row["differences"].get(name, 0.0) for row in found) for name in ("onnx", "c", "keras")
        },
        "median_seconds": statistics.median(row["seconds"] for row in found),
    }


def trained(graph: Graph, number: int, folder: Path) -> RepositoryRequest:
    """A network that tells patterns apart, its data set and its weights: int8 is judged by what was learnt."""
    channels, height, width = graph.input_shape
    random = np.random.default_rng(number)
    patterns = random.integers(0, 256, (graph.classes, height, width, channels))
    count = max(400, 20 * graph.classes)
    y = np.arange(count) % graph.classes
    x = np.clip(patterns[y] + random.normal(0, 40, (count, height, width, channels)), 0, 255).astype(np.uint8)
    np.savez(folder / "patterns.npz", x=x, y=y)
    data = datasets.open(str(folder / "patterns.npz"))
    module = build(graph, seed=number)
    fit(module, data)
    save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, folder / "w.safetensors")
    return RepositoryRequest(
        f"network {number}",
        to_document(graph),
        weights=str(folder / "w.safetensors"),
        data=data.card(),
        data_path=str(folder / "patterns.npz"),
        training={"epochs": 1, "batch_size": 32},
        exports=EXPORTS,
    )


def fit(module: nn.Module, data: Any) -> None:
    """Until a run of batches is told apart with a margin: int8 of a network that still guesses says nothing."""
    normalised = data.normalisation
    rows = data.splits["train"]
    mean, std = (np.array(each, np.float32).reshape(-1, 1, 1) for each in (normalised.mean, normalised.std))
    images = torch.from_numpy((data.images[rows].astype(np.float32) / normalised.scale - mean) / std)
    targets = torch.from_numpy(data.targets[rows])
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(0)
    module.train()
    running = 1.0
    for number in range(MOST_STEPS):
        if number >= LEAST_STEPS and running < LEARNT:
            break
        chosen = torch.randint(len(rows), (32,), generator=generator)
        loss = nn.functional.cross_entropy(module(images[chosen]), targets[chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        running = 0.9 * running + 0.1 * float(loss.detach())
    module.eval()


def repository(graph: Graph, folder: Path, exports: tuple[str, ...], **changes: Any) -> tuple[Path, dict[str, Any]]:
    asked = RepositoryRequest("measured", to_document(graph), exports=exports, **changes)
    verdict = generate_in_child(asked, folder)
    return folder / verdict["folder"], verdict


def steps() -> dict[str, Any]:
    """Networks as the presets would deliver them, and one where arithmetic takes the time: the gain of each step."""
    found = {}
    for name, (space, shape, limits) in DELIVERED.items():
        graph = within(space, shape, limits)
        with tempfile.TemporaryDirectory() as folder:
            place, _ = repository(graph, Path(folder), ("onnx",))
            said(place, "-c", QUANTISE)
            answer = said(place, "deploy.py", "benchmark", "--json", "--rounds", str(ROUNDS))
        measured = json.loads(answer[answer.index("{") :])
        rows = {row["step"]: {key: round(row[key], 3) for key in ("p50_ms", "factor")} for row in measured["steps"]}
        counted = complexity(graph)
        found[name] = {"macs": counted.macs, "params": counted.params, "steps": rows, "training": measured["training"]}
    return found


def within(space: str, shape: tuple[int, int, int], limits: Mapping[str, float]) -> Graph:
    """The first random network that a preset's limits admit."""
    made, random = spaces.create(space, shape, 10), Random(f"steps/{space}")
    while True:
        graph = made.decode(made.sample(random))
        counted = complexity(graph)
        if counted.params <= limits.get("max_params", inf) and 2 * counted.macs <= limits.get("max_flops", inf):
            return graph


# The digits, the preset "phone" on Fashion-MNIST, "edge" on photographs of 16×16; CIFAR's size for contrast.
DELIVERED: dict[str, tuple[str, tuple[int, int, int], Mapping[str, float]]] = {
    "digits, chain": ("chain", (1, 8, 8), {}),
    "fashion, mobile": ("mobile", (1, 28, 28), PRESETS["phone"].document["limits"]),
    "photographs, cell201": ("cell201", (3, 16, 16), PRESETS["edge"].document["limits"]),
    "arithmetic-bound, cell201": ("cell201", (3, 32, 32), {}),
}
QUANTISE = """
import numpy
from data import INPUT_SHAPE
from inference import EXPORTS
from passes import quantise
images = numpy.random.default_rng(0).standard_normal((64, *INPUT_SHAPE), numpy.float32)
quantise(EXPORTS["onnx"], EXPORTS["int8"], images)
"""


def options() -> dict[str, Any]:
    """train.py --compile and --checkpoint-activations against plain training; bfloat16 against float32."""
    made = spaces.create("chain", (1, 8, 8), 10)
    graph = made.decode(made.sample(Random(3)))
    digits = datasets.open("digits")
    recipe = {"epochs": 12, "batch_size": 32, "learning_rate": 0.15}
    with tempfile.TemporaryDirectory() as folder:
        place, _ = repository(graph, Path(folder), (), data=digits.card(), data_path="digits", training=recipe)
        plain = losses(place)
        compiled = losses(place, "--compile") if os.environ.get("NASPORTAL_BENCH_COMPILE", "1") == "1" else plain
        again = losses(place, "--checkpoint-activations")
        accuracy = {}
        for kind in ("off", "bf16"):
            out = Path(folder) / kind
            said(place, "train.py", "--threads", "1", "--amp", kind, "--out", str(out))
            accuracy[kind] = json.loads((out / "result.json").read_text(encoding="utf-8"))["test_accuracy"]
        peaks = {name: int(said(place, "-c", PEAK, *wanted)) for name, wanted in CHECKPOINTED.items()}
    return {
        "compile_loss_difference": worst(plain, compiled),
        "checkpoint_loss_difference": worst(plain, again),
        "peak_bytes": peaks,
        "peak_share": peaks["checkpointed"] / peaks["plain"],
        "test_accuracy": accuracy,
    }


CHECKPOINTED: dict[str, list[str]] = {"plain": [], "checkpointed": ["checkpoint"]}
# The most bytes that tensors take at once in one training step on 256 images.
PEAK = """
import sys, torch
from torch.profiler import ProfilerActivity, profile
from data import INPUT_SHAPE
from model import load
from passes import checkpoint_activations
torch.set_num_threads(1)
model = load().train()
if sys.argv[1:]:
    checkpoint_activations(model)
images = torch.randn(256, *INPUT_SHAPE)
with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
    model(images).logsumexp(1).mean().backward()
level = most = 0
for event in sorted(seen.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
    if event.name() == "[memory]":
        level += event.nbytes()
        most = max(most, level)
print(most)
"""


def losses(place: Path, *wanted: str) -> list[float]:
    """The first five of a smoke training."""
    answer = said(place, "train.py", "--smoke", "--threads", "1", *wanted)
    found: list[float] = json.loads(answer[answer.index("{") :])["losses"]
    return found[:COMPILE_STEPS]


def worst(one: list[float], other: list[float]) -> float:
    return max(abs(first - second) for first, second in zip(one, other, strict=True))


def times() -> dict[str, Any]:
    """A digits network with ONNX, int8 and C99 through the gate; the preview of a source that nobody has seen."""
    made = spaces.create("chain", (1, 8, 8), 10)
    graph = made.decode(made.sample(Random(3)))
    digits = datasets.open("digits")
    with tempfile.TemporaryDirectory() as folder:
        _, verdict = repository(graph, Path(folder), ("onnx", "int8", "c"), data=digits.card(), data_path="digits")
    seconds = []
    for number in range(20):
        other = network(SPACES[number % 3], 5000 + number)
        started = time.perf_counter()
        preview(other)
        sources(RepositoryRequest("seen", to_document(other), exports=()), other)
        seconds.append(time.perf_counter() - started)
    return {
        "generation_seconds": verdict["seconds"],
        "verdict": verdict["verdict"],
        "preview_seconds_median": statistics.median(seconds),
        "preview_seconds_max": max(seconds),
    }


def said(place: Path, *arguments: str) -> str:
    """Standard output of a repository's program."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(place)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:2])}: {done.stderr[-2000:]}")
    return done.stdout

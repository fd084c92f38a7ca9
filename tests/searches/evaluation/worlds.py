"""Small worlds for the evaluation tests: images that can be learnt, networks that train in a blink."""

import random
from pathlib import Path
from typing import Any

import numpy as np

from architectures import spaces
from architectures.ir import json as graph_json
from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, Relu


def images(count: int = 60, classes: int = 3, side: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 grey images, brighter for a higher class, no two alike."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % classes
    x = generator.integers(0, 60, (count, side, side)) + (y * 60)[:, None, None]
    return x.astype(np.uint8), y.astype(np.int64)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def small_network(input_shape: tuple[int, int, int] = (1, 8, 8), classes: int = 10, channels: int = 8) -> Graph:
    builder = Builder(input_shape)
    x = builder.add("conv", Conv2d(channels), "input")
    x = builder.add("norm", BatchNorm(), x)
    x = builder.add("relu", Relu(), x)
    x = builder.add("pool", GlobalAvgPool(), x)
    x = builder.add("flatten", Flatten(), x)
    builder.add("linear", Linear(classes), x)
    return builder.build()


def chain_network(seed: int) -> Graph:
    space = spaces.create("chain", (1, 8, 8), 10)
    return space.decode(space.sample(random.Random(seed)))


def job(graph: Graph, folder: Path, **changes: Any) -> dict[str, Any]:
    document = {
        "kind": "evaluate",
        "number": 1,
        "fidelity": 1,
        "graph": graph_json.to_document(graph),
        "dataset": "digits",
        "training": {"epochs": 1},
        "seed": 7,
        "folder": str(folder),
        "objectives": ["accuracy", "params"],
    }
    return {**document, **changes}

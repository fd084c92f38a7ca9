"""Writes weights.h from weights/model.safetensors: batch norms are folded into the convolutions before them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
A_LINE = 8
INT8 = False  # weights as signed bytes, with a step a channel


def write() -> Path:
    weights = load_file(ROOT / "weights" / "model.safetensors")
    nodes = json.loads((ROOT / "architecture.json").read_text(encoding="utf-8"))["nodes"]
    lines = ["/* Written by weights.py; constants, so that they stay in flash. */"]
    for name, values in arrays(nodes, weights):
        lines += quantised(name, values) if INT8 and name.endswith("__weight") else definition(name, values)
    path = HERE / "weights.h"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def arrays(nodes: list[dict[str, Any]], weights: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each array of the C source by its name, in the order of the network."""
    readers = [name for node in nodes for name in node["inputs"]]
    norms = {node["inputs"][0]: node for node in nodes if node["kind"] == "BatchNorm"}
    convs = {node["name"] for node in nodes if node["kind"] == "Conv2d"}
    for node in nodes:
        name, prefix = node["name"], node["name"].replace(".", "__")
        if node["kind"] == "Conv2d":
            weight = weights[f"{name}.weight"].astype(np.float64)
            bias = weights.get(f"{name}.bias", np.zeros(len(weight))).astype(np.float64)
            if name in norms and readers.count(name) == 1:
                scale, shift = affine(norms[name], weights)
                weight, bias = weight * scale[:, None, None, None], bias * scale + shift
            yield from ((f"{prefix}__weight", weight), (f"{prefix}__bias", bias))
        elif node["kind"] == "Linear":
            weight = weights[f"{name}.weight"]
            bias = weights.get(f"{name}.bias", np.zeros(len(weight)))
            yield from ((f"{prefix}__weight", weight), (f"{prefix}__bias", bias))
        elif node["kind"] == "BatchNorm" and not (node["inputs"][0] in convs and readers.count(node["inputs"][0]) == 1):
            yield from zip((f"{prefix}__scale", f"{prefix}__shift"), affine(node, weights), strict=True)


def affine(norm: dict[str, Any], weights: dict[str, Any]) -> tuple[Any, Any]:
    """A batch norm in inference is `scale * x + shift`."""
    names = ("weight", "bias", "running_mean", "running_var")
    weight, bias, mean, variance = (weights[f"{norm['name']}.{each}"].astype(np.float64) for each in names)
    scale = weight / np.sqrt(variance + norm["attributes"]["eps"])
    return scale, bias - mean * scale


def quantised(name: str, values: Any) -> Iterator[str]:
    """Symmetric, a step for each output channel: the largest weight of a channel becomes 127."""
    rows = values.reshape(len(values), -1)
    steps = np.maximum(np.abs(rows).max(1), 1e-12) / 127
    yield from definition(name, np.rint(rows / steps[:, None]).astype(np.int8))
    yield from definition(f"{name.removesuffix('__weight')}__steps", steps)


def definition(name: str, values: Any) -> Iterator[str]:
    is_whole = values.dtype == np.int8
    flat = [str(value) if is_whole else literal(value) for value in values.astype(np.int8 if is_whole else "f4").flat]
    yield f"static const {'signed char' if is_whole else 'float'} {name}[{len(flat)}] = {{"
    for start in range(0, len(flat), A_LINE):
        yield f"    {', '.join(flat[start : start + A_LINE])},"
    yield "};"


def literal(value: float) -> str:
    """Nine digits give a float32 back exactly."""
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


if __name__ == "__main__":
    print(write())

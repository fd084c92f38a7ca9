"""The Flax network with the trained weights: `load()` reads weights/model.safetensors, module by module."""

from functools import reduce
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from exports.flax.model import Model

WEIGHTS = Path(__file__).parents[2] / "weights" / "model.safetensors"


def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference; it takes normalised images (N, height, width, channels)."""
    model = Model()
    for name, arrays in by_module(load_file(path)).items():
        reduce(getattr, name.split("."), model).take(**arrays)
    model.eval()
    return model


def by_module(weights: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, array in weights.items():
        module, _, kind = name.rpartition(".")
        if kind != "num_batches_tracked":
            found.setdefault(module, {})[kind] = array
    return found

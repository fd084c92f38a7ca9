"""The Keras network with the trained weights: `load()` reads weights/model.safetensors, module by module."""

from functools import reduce
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors.numpy import load_file

from data import Floats
from exports.keras.model import Model
from inference import Predict

WEIGHTS = Path(__file__).parents[2] / "weights" / "model.safetensors"


def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network; it takes normalised images (N, height, width, channels)."""
    keras.backend.set_image_data_format("channels_last")
    model = Model()
    for name, arrays in by_module(load_file(path)).items():
        reduce(getattr, name.split("."), model).take(**arrays)
    return model


def by_module(weights: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, array in weights.items():
        module, _, kind = name.rpartition(".")
        if kind != "num_batches_tracked":
            found.setdefault(module, {})[kind] = array
    return found


def backend() -> Predict:
    """Images (N, C, H, W), as everywhere else in this repository, to logits."""
    model = load()

    def predict(images: Floats) -> Floats:
        logits = model(np.ascontiguousarray(images.transpose(0, 2, 3, 1)), training=False)
        # Keras' own conversion of a torch tensor raises a DeprecationWarning with NumPy 2.
        answer: Floats = logits.numpy(force=True) if keras.backend.backend() == "torch" else np.asarray(logits)
        return answer

    return predict

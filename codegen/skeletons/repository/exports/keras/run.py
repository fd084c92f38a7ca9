"""Runs the Keras network for tests and the certificate, on the backend of KERAS_BACKEND."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from data import Floats
from inference import Predict

FILE = Path(__file__).with_name("model.py")


def is_runnable() -> bool:
    return all(map(find_spec, ("keras", os.environ["KERAS_BACKEND"])))


def export(data: str | None) -> Path:
    """The source is there, and reads weights/model.safetensors itself."""
    return FILE


def backend() -> Predict:
    """Images (N, C, H, W), as everywhere else in this repository, to logits."""
    import keras

    from exports.keras.weights import load

    model = load()

    def predict(images: Floats) -> Floats:
        logits = model(np.ascontiguousarray(images.transpose(0, 2, 3, 1)), training=False)
        # Keras' own conversion of a torch tensor raises a DeprecationWarning with NumPy 2.
        answer: Floats = logits.numpy(force=True) if keras.backend.backend() == "torch" else np.asarray(logits)
        return answer

    return predict

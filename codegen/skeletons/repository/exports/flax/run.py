"""Runs the Flax network, compiled by jax, for tests and the certificate."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from data import Floats
from inference import Predict

FILE = Path(__file__).with_name("model.py")


def is_runnable() -> bool:
    return find_spec("flax") is not None


def export(data: str | None) -> Path:
    """The source is there, and reads weights/model.safetensors itself."""
    return FILE


def backend() -> Predict:
    """Images (N, C, H, W), as everywhere else in this repository, to logits."""
    from flax import nnx

    from exports.flax.weights import load

    model = load()
    run = nnx.jit(lambda network, images: network(images))

    def predict(images: Floats) -> Floats:
        logits: Floats = np.asarray(run(model, images.transpose(0, 2, 3, 1)))
        return logits

    return predict

"""LiteRT, the successor of TensorFlow Lite: litert-torch converts model.py; ai-edge-litert alone runs model.tflite."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from data import Floats
from inference import Predict

FILE = Path(__file__).with_name("model.tflite")


def is_runnable() -> bool:
    return find_spec("ai_edge_litert") is not None


def export(data: str | None) -> Path:
    """For one image (1, C, H, W) at a time, as devices have them."""
    import litert_torch
    import torch

    from model import INPUT_SHAPE, load

    litert_torch.convert(load(), (torch.zeros(1, *INPUT_SHAPE),)).export(str(FILE))
    return FILE


def backend() -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(FILE), num_threads=1)
    interpreter.allocate_tensors()
    image, logits = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def one(given: Floats) -> Floats:
        interpreter.set_tensor(image, given[None])
        interpreter.invoke()
        answer: Floats = interpreter.get_tensor(logits)[0]
        return answer

    return lambda images: np.stack([one(each) for each in images])

"""OpenVINO's own converter, from the ONNX export; float32 stays float32."""

from importlib.util import find_spec
from pathlib import Path

from data import Floats
from inference import EXPORTS, Predict

FILE = Path(__file__).with_name("model.xml")


def is_runnable() -> bool:
    return find_spec("openvino") is not None


def export(data: str | None) -> Path:
    import openvino

    openvino.save_model(openvino.convert_model(EXPORTS["onnx"]), FILE, compress_to_fp16=False)
    return FILE


def backend() -> Predict:
    import openvino

    model = openvino.Core().compile_model(FILE, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def predict(images: Floats) -> Floats:
        logits: Floats = model(images)[0]
        return logits

    return predict

"""The ONNX export in half precision, for a GPU's runtime; images and logits stay float32. A CPU runs it, too."""

from importlib.util import find_spec
from pathlib import Path

from inference import EXPORTS, Predict, onnx_backend

FILE = Path(__file__).with_name("model.onnx")
TOLERANCE = 1e-2  # times the scale of the logits: a float16 has eleven bits, and a network many sums


def is_runnable() -> bool:
    return find_spec("onnxruntime") is not None


def export(data: str | None) -> Path:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(EXPORTS["onnx"]), keep_io_types=True), FILE)
    return FILE


def backend() -> Predict:
    return onnx_backend(FILE, threads=1)

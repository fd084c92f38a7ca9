"""OpenVINO: its own converter makes it from the ONNX export, in deploy.py; an extra with an environment of its own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from codegen import extras
from codegen.frameworks import Framework, folder_of, register

VALUES = """
import sys, numpy, openvino
core = openvino.Core()
model = core.read_model("exports/openvino/model.xml")
kinds = ("Parameter", "Result", "Constant", "Convert")
model.add_outputs([op.output(0) for op in model.get_ordered_ops() if op.get_type_name() not in kinds])
answers = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(numpy.load(sys.argv[1])).to_tuple()
numpy.savez(sys.argv[2], *[value for value in answers if value.dtype == numpy.float32])
"""


@register("openvino")
class OpenVino(Framework):
    title = "OpenVINO IR"
    place = 60
    files = ("exports/openvino",)
    needs = ("onnx",)
    extra = True
    requirements = ("openvino==2026.4.1", "numpy", "safetensors", "Pillow")

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return folder_of("openvino", {})

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        yield from extras.values("openvino", folder, VALUES, images)

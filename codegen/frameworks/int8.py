"""ONNX (static int8, calibrated): ONNX Runtime's quantiser makes it from the ONNX export, in deploy.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from codegen.frameworks import Framework, register
from codegen.frameworks.onnx import onnx_values


@register("int8")
class Int8(Framework):
    title = "ONNX (static int8, calibrated)"
    place = 20
    files = ("exports/model.int8.onnx",)
    needs = ("onnx",)
    needs_data = True

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        yield from onnx_values(folder / self.files[0], images)

"""ONNX (static int8, calibrated): ONNX Runtime's quantiser makes it from the ONNX export, in deploy.py."""

from collections.abc import Mapping
from typing import ClassVar

from architectures.ir.graph import Graph
from codegen.frameworks import register


@register("int8")
class Int8:
    title: ClassVar[str] = "ONNX (static int8, calibrated)"
    place: ClassVar[int] = 20
    files: ClassVar[tuple[str, ...]] = ("exports/model.int8.onnx",)
    needs: ClassVar[tuple[str, ...]] = ("onnx",)
    needs_data: ClassVar[bool] = True

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {}

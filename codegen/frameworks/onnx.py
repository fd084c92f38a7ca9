"""ONNX (float32): made by torch's own exporter from model.py, by the repository's deploy.py."""

from collections.abc import Mapping
from typing import ClassVar

from architectures.ir.graph import Graph
from codegen.frameworks import register


@register("onnx")
class Onnx:
    title: ClassVar[str] = "ONNX (float32)"
    place: ClassVar[int] = 10
    files: ClassVar[tuple[str, ...]] = ("exports/model.onnx",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {}

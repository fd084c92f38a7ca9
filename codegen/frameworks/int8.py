"""ONNX (static int8, calibrated): ONNX Runtime's quantiser makes it from the ONNX export, in deploy.py."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from architectures.ir.graph import Graph
from codegen.frameworks import register
from codegen.frameworks.onnx import onnx_values


@register("int8")
class Int8:
    title: ClassVar[str] = "ONNX (static int8, calibrated)"
    place: ClassVar[int] = 20
    files: ClassVar[tuple[str, ...]] = ("exports/model.int8.onnx",)
    needs: ClassVar[tuple[str, ...]] = ("onnx",)
    needs_data: ClassVar[bool] = True
    extra: ClassVar[bool] = False
    for_gpu: ClassVar[bool] = False
    requirements: ClassVar[tuple[str, ...]] = ()

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {}

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        yield from onnx_values(folder / self.files[0], images)

"""ONNX (float16): half the bytes, for a GPU's runtime; made from the ONNX export, with images and logits in float32."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from architectures.ir.graph import Graph
from codegen.frameworks import folder_of, register


@register("fp16")
class Fp16:
    title: ClassVar[str] = "ONNX (float16)"
    place: ClassVar[int] = 25
    files: ClassVar[tuple[str, ...]] = ("exports/fp16",)
    needs: ClassVar[tuple[str, ...]] = ("onnx",)
    needs_data: ClassVar[bool] = False
    extra: ClassVar[bool] = False
    for_gpu: ClassVar[bool] = True
    requirements: ClassVar[tuple[str, ...]] = ()

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return folder_of("fp16", {})

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        """None: each of its values is off by what half precision leaves out, so none would be the first."""
        return iter(())

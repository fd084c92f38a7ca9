"""ExecuTorch: a program for PyTorch's runtime on devices, lowered to XNNPACK; in an environment of its own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from architectures.ir.graph import Graph
from codegen.frameworks import folder_of, register


@register("executorch")
class ExecuTorch:
    title: ClassVar[str] = "ExecuTorch program"
    place: ClassVar[int] = 90
    files: ClassVar[tuple[str, ...]] = ("exports/executorch",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False
    extra: ClassVar[bool] = True
    for_gpu: ClassVar[bool] = False
    requirements: ClassVar[tuple[str, ...]] = ("executorch==1.5.1", "torch==2.13.0", "safetensors==0.8.0", "Pillow")

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return folder_of("executorch", {})

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        """None: what XNNPACK took over is one step, whose inner values no program can read."""
        return iter(())

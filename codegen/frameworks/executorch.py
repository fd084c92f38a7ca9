"""ExecuTorch: a program for PyTorch's runtime on devices, lowered to XNNPACK; in an environment of its own."""

from collections.abc import Mapping

from architectures.ir.graph import Graph
from codegen.frameworks import Framework, folder_of, register


@register("executorch")
class ExecuTorch(Framework):
    title = "ExecuTorch program"
    place = 90
    files = ("exports/executorch",)
    extra = True
    requirements = ("executorch==1.5.1", "torch==2.13.0", "safetensors==0.8.0", "Pillow")

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return folder_of("executorch", {})

    # It has no values: what XNNPACK took over is one step, whose inner values no program can read.

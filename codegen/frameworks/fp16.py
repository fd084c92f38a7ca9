"""ONNX (float16): half the bytes, for a GPU's runtime; made from the ONNX export, with images and logits in float32."""

from collections.abc import Mapping

from architectures.ir.graph import Graph
from codegen.frameworks import Framework, folder_of, register


@register("fp16")
class Fp16(Framework):
    title = "ONNX (float16)"
    place = 25
    files = ("exports/fp16",)
    needs = ("onnx",)
    for_gpu = True

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return folder_of("fp16", {})

    # It has no values: each of its values is off by what half precision leaves out, so none would be the first.

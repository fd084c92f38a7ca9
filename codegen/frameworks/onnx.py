"""ONNX (float32): made by torch's own exporter from model.py, by the repository's deploy.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from codegen.frameworks import Framework, register


@register("onnx")
class Onnx(Framework):
    title = "ONNX (float32)"
    place = 10
    files = ("exports/model.onnx",)

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        yield from onnx_values(folder / self.files[0], images)


def onnx_values(path: Path, images: Any) -> Iterator[Any]:
    """Every floating-point value of an ONNX file, without the runtime's own fusions."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    made = [name for node in model.graph.node for name in node.output]
    known = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made if name not in known)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: images})
    yield from (value for value in found if getattr(value, "dtype", None) == images.dtype)

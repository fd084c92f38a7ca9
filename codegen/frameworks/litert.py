"""LiteRT (TensorFlow Lite): litert-torch converts model.py in an environment of its own; any TFLite runtime runs it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from architectures.ir.graph import Graph
from codegen import extras
from codegen.frameworks import Framework, folder_of, register

VALUES = """
import sys, numpy
from ai_edge_litert.interpreter import Interpreter
from exports.litert.run import FILE
interpreter = Interpreter(model_path=str(FILE), experimental_preserve_all_tensors=True)
interpreter.allocate_tensors()
details = [each for each in interpreter.get_tensor_details() if each["dtype"] is numpy.float32]
rows = []
for image in numpy.load(sys.argv[1]):
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
    interpreter.invoke()
    rows.append([])
    for each in details:
        try:
            rows[-1].append(interpreter.get_tensor(each["index"]).copy())
        except ValueError:  # a tensor of a step that was taken over by another
            rows[-1].append(numpy.zeros(1))
found = [numpy.concatenate(values) for values in zip(*rows) if values[0].ndim and len(values[0]) == 1]
numpy.savez(sys.argv[2], *found)
"""


@register("litert")
class LiteRt(Framework):
    title = "LiteRT (TensorFlow Lite)"
    place = 80
    files = ("exports/litert",)
    extra = True
    requirements = (
        "litert-torch==0.10.0", "ai-edge-litert==2.3.0", "torch==2.13.0", "safetensors==0.8.0", "Pillow",
    )  # fmt: skip

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return folder_of("litert", {})

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        yield from extras.values("litert", folder, VALUES, images)

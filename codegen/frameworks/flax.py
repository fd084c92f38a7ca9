"""Flax: the classes of model.py in the words of nnx, channels last; it runs on jax, in an environment of its own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from architectures.ir import primitives
from architectures.ir.graph import Graph
from codegen import extras
from codegen.frameworks import Framework, folder_of, register
from codegen.printing.dialect import Dialect
from codegen.printing.formatting import formatted
from codegen.printing.printer import print_network

TITLE = "The network in Flax, for images (N, height, width, channels); weights.py loads what was trained."
VALUES = """
import sys, numpy
from flax import nnx
from exports.flax.weights import load

def watched(call):
    def watch(self, *given):
        value = call(self, *given)
        found.extend(map(numpy.asarray, value if isinstance(value, tuple) else (value,)))
        return value
    return watch

found, model = [], load()
for kind in {type(part) for _, part in nnx.iter_modules(model)}:
    kind.__call__ = watched(kind.__call__)
model(numpy.load(sys.argv[1]).transpose(0, 2, 3, 1))
numpy.savez(sys.argv[2], *found)
"""


class Nnx(Dialect):
    """Flax' words; exports/flax/parts.py says what a part is."""

    name = "Flax"
    tensor = "Array"
    bases = ("nnx.Module", "nnx.Module")
    layers = {
        primitives.Conv2d: "parts.Conv",
        primitives.BatchNorm: "parts.BatchNorm",
        primitives.Linear: "parts.Linear",
        primitives.MaxPool: "parts.MaxPool",
        primitives.AvgPool: "parts.AvgPool",
        primitives.Dropout: "parts.Dropout",
    }
    values = {
        primitives.Relu: "nnx.relu({})",
        primitives.Relu6: "nnx.relu6({})",
        primitives.HardSwish: "nnx.hard_swish({})",
        primitives.HardSigmoid: "nnx.hard_sigmoid({})",
        primitives.Sigmoid: "nnx.sigmoid({})",
        primitives.Concat: "jnp.concatenate(({}), axis=-1)",
        primitives.GlobalAvgPool: "jnp.mean({}, axis=(1, 2), keepdims=True)",
        primitives.Flatten: "parts.flatten({})",
        primitives.Zero: "jnp.zeros_like({})",
    }
    forward = "__call__"
    opening = ()
    channels_last = True

    def imports(self, text: str) -> Iterator[str]:
        if "jnp." in text:
            yield "import jax.numpy as jnp"
        yield from ("from flax import nnx", "from jax import Array", "", "from exports.flax import parts")


@register("flax")
class Flax(Framework):
    title = "Flax source"
    place = 70
    files = ("exports/flax",)
    extra = True
    requirements = (
        "flax==0.12.8", "jax==0.10.2", "numpy==2.4.6", "safetensors==0.8.0", "Pillow",
    )  # fmt: skip

    def sources(self, graph: Graph) -> Mapping[str, str]:
        needed = "".join(f"{requirement}\n" for requirement in self.requirements)
        printed = {"model.py": formatted(print_network(Nnx(), graph, TITLE).source), "requirements.txt": needed}
        return folder_of("flax", printed)

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        """Yields the values of its modules; what stands between them as an expression is not seen."""
        yield from extras.values("flax", folder, VALUES, images)

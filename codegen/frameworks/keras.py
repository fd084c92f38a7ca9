"""Keras 3: the classes of model.py in Keras' words, channels last; it runs on torch, jax or tensorflow."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from architectures.ir import primitives
from architectures.ir.graph import Graph
from codegen.frameworks import Framework, folder_of, register
from codegen.printing.dialect import Dialect
from codegen.printing.formatting import formatted
from codegen.printing.printer import print_network

TITLE = "The network in Keras 3, for images (N, height, width, channels); weights.py loads what was trained."


class Keras3(Dialect):
    """Keras' words; exports/keras/parts.py says what a part is."""

    name = "Keras"
    tensor = "keras.KerasTensor"
    bases = ("layers.Layer", "keras.Model")
    layers = {
        primitives.Conv2d: "parts.conv",
        primitives.BatchNorm: "parts.BatchNorm",
        primitives.Linear: "parts.Linear",
        primitives.MaxPool: "parts.MaxPool",
        primitives.AvgPool: "parts.AvgPool",
        primitives.Dropout: "layers.Dropout",
    }
    values = {
        primitives.Relu: "ops.relu({})",
        primitives.Relu6: "ops.relu6({})",
        primitives.HardSwish: "ops.hard_swish({})",
        primitives.HardSigmoid: "ops.hard_sigmoid({})",
        primitives.Sigmoid: "ops.sigmoid({})",
        primitives.Concat: "ops.concatenate(({}), axis=-1)",
        primitives.GlobalAvgPool: "ops.mean({}, axis=(1, 2), keepdims=True)",
        primitives.Flatten: "parts.flatten({})",
        primitives.Zero: "ops.zeros_like({})",
    }
    forward = "call"
    channels_last = True

    def imports(self, text: str) -> Iterator[str]:
        yield "import keras"
        if names := [name for name in ("layers", "ops") if f"{name}." in text]:
            yield f"from keras import {', '.join(names)}"
        yield from ("", "from exports.keras import parts")


@register("keras")
class Keras(Framework):
    title = "Keras 3 source"
    place = 50
    files = ("exports/keras",)

    def sources(self, graph: Graph) -> Mapping[str, str]:
        needed = "".join(f"{name}=={version(name)}\n" for name in ("keras", "safetensors", "numpy"))
        printed = {"model.py": formatted(print_network(Keras3(), graph, TITLE).source), "requirements.txt": needed}
        return folder_of("keras", printed)

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        """Yields the values of its layers; what stands between them as an expression is not seen."""
        found: list[Any] = []
        model = import_module("exports.keras.weights").load()  # the folder is on the path: its exporter ran
        for part in model._flatten_layers(include_self=True):
            part.call = watched(part.call, found)
        model(images.transpose(0, 2, 3, 1), training=False)
        # Keras calls a layer with shapes alone first.
        yield from (value.numpy(force=True) for value in found if value.device.type != "meta")


def watched(call: Callable[..., Any], found: list[Any]) -> Callable[..., Any]:
    def watch(*given: Any, **options: Any) -> Any:
        value = call(*given, **options)
        found.extend(value if isinstance(value, tuple) else (value,))
        return value

    return watch

"""Keras 3: the classes of model.py in Keras' words, channels last; it runs on torch, jax or tensorflow."""

from collections.abc import Callable, Iterator, Mapping
from functools import singledispatch
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from architectures.ir import primitives
from architectures.ir.graph import Graph
from architectures.ir.primitives import Primitive
from codegen.formatting import formatted
from codegen.frameworks import register
from codegen.frameworks.blocks import PrintError
from codegen.frameworks.classes import classes_of
from codegen.frameworks.printer import Place, Say, call, grouped, print_class, special_constants
from codegen.skeletons import skeleton

PARTS = ("AvgPool", "BatchNorm", "Linear", "MaxPool", "conv", "flatten")
CONV_DEFAULTS = {"stride": "1", "padding": "0", "dilation": "1", "groups": "1", "bias": "True"}


@singledispatch
def layer(op: Primitive, say: Say) -> str:
    """The constructor call of a primitive that is a layer; exports/keras/parts.py says what a part is."""
    raise PrintError(f"Keras has no layer for the primitive {op.kind}")


@layer.register
def _(op: primitives.Conv2d, say: Say) -> str:
    options = [f"{name}={say(name)}" for name, usual in CONV_DEFAULTS.items() if say(name) != usual]
    return call("conv", say("in_channels"), say("out_channels"), say("kernel"), *options)


@layer.register
def _(op: primitives.BatchNorm, say: Say) -> str:
    usual = {"eps": "1e-05", "momentum": "0.1"}
    return call("BatchNorm", say("in_channels"), *(f"{n}={say(n)}" for n, u in usual.items() if say(n) != u))


@layer.register
def _(op: primitives.Linear, say: Say) -> str:
    options = [] if say("bias") == "True" else [f"bias={say('bias')}"]
    return call("Linear", say("in_channels"), say("out_features"), *options)


@layer.register
def _(op: primitives.MaxPool, say: Say) -> str:
    return call("MaxPool", say("kernel"), f"stride={say('stride')}", f"padding={say('padding')}")


@layer.register
def _(op: primitives.AvgPool, say: Say) -> str:
    return call("AvgPool", say("kernel"), f"stride={say('stride')}", f"padding={say('padding')}")


@layer.register
def _(op: primitives.Dropout, say: Say) -> str:
    return call("layers.Dropout", say("rate"))


@singledispatch
def value(op: Primitive, *operands: str) -> str:
    raise PrintError(f"Keras has no rule for the primitive {op.kind}")


@value.register
def _(op: primitives.Relu, x: str) -> str:
    return f"ops.relu({x})"


@value.register
def _(op: primitives.Relu6, x: str) -> str:
    return f"ops.relu6({x})"


@value.register
def _(op: primitives.HardSwish, x: str) -> str:
    return f"ops.hard_swish({x})"


@value.register
def _(op: primitives.HardSigmoid, x: str) -> str:
    return f"ops.hard_sigmoid({x})"


@value.register
def _(op: primitives.Sigmoid, x: str) -> str:
    return f"ops.sigmoid({x})"


@value.register
def _(op: primitives.Add, *operands: str) -> str:
    return " + ".join(operands)


@value.register
def _(op: primitives.Multiply, x: str, y: str) -> str:
    return f"{grouped(x)} * {grouped(y)}"


@value.register
def _(op: primitives.Concat, *operands: str) -> str:
    return f"ops.concatenate(({', '.join(operands)}), axis=-1)"


@value.register
def _(op: primitives.GlobalAvgPool, x: str) -> str:
    return f"ops.mean({x}, axis=(1, 2), keepdims=True)"


@value.register
def _(op: primitives.Flatten, x: str) -> str:
    return f"flatten({x})"


@value.register
def _(op: primitives.Identity, x: str) -> str:
    return x


@value.register
def _(op: primitives.Zero, x: str) -> str:
    step = f"[:, ::{op.stride!r}, ::{op.stride!r}]" if op.stride > 1 else ""
    return f"ops.zeros_like({x}{step})"


class Dialect:
    """Keras' words."""

    forward = "call"
    tensor = "keras.KerasTensor"
    channels_last = True

    def base(self, is_root: bool) -> str:
        return "keras.Model" if is_root else "layers.Layer"

    def is_module(self, op: Primitive) -> bool:
        return layer.dispatch(type(op)) is not layer.dispatch(object)

    def layer(self, op: Primitive, say: Say) -> str:
        return layer(op, say)

    def value(self, op: Primitive, *operands: str) -> str:
        return value(op, *operands)

    def loop(self, name: str, count: int, made: str) -> Iterator[str]:
        yield f"        for number in range({count}):"
        yield f'            setattr(self, f"{name}{{number + 1}}", {made})'
        yield from ("", f"    def call(self, x: {self.tensor}) -> {self.tensor}:")
        yield f"        for number in range({count}):"
        yield from (f'            x = getattr(self, f"{name}{{number + 1}}")(x)', "        return x")


@register("keras")
class Keras:
    title: ClassVar[str] = "Keras 3 source"
    place: ClassVar[int] = 50
    files: ClassVar[tuple[str, ...]] = ("exports/keras",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False
    extra: ClassVar[bool] = False
    requirements: ClassVar[tuple[str, ...]] = ()

    def sources(self, graph: Graph) -> Mapping[str, str]:
        folder = {path: text for path, text in skeleton().items() if path.startswith("exports/keras/")}
        needed = "".join(f"{name}=={version(name)}\n" for name in ("keras", "safetensors", "numpy"))
        return {**folder, "exports/keras/model.py": formatted(source(graph)), "exports/keras/requirements.txt": needed}

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        """Of its layers; what stands between them as an expression is not seen."""
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


def source(graph: Graph) -> str:
    classes = classes_of(graph)
    places: dict[str, Place] = {}
    bodies = [print_class(Dialect(), classes, each, places) for each in classes.classes]
    title = '"""The network in Keras 3, for images (N, height, width, channels); weights.py loads what was trained."""'
    constants = ["IMAGE_CHANNELS = INPUT_SHAPE[0]"] if "IMAGE_CHANNELS" in special_constants(classes) else []
    constants = [f"INPUT_SHAPE = {graph.input_shape!r}  # channels, height, width", *constants]
    constants.append(f"CLASSES = {graph.classes!r}")
    return "\n".join([title, "", *imports(bodies), "", *constants, "", "", *bodies])


def imports(bodies: list[str]) -> Iterator[str]:
    text = "\n".join(bodies)
    names = [name for name in ("layers", "ops") if f"{name}." in text]
    yield "import keras"
    if names:
        yield f"from keras import {', '.join(names)}"
    parts = [name for name in PARTS if f"{name}(" in text]
    yield from ("", f"from exports.keras.parts import {', '.join(parts)}")

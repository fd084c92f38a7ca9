"""PyTorch: the graph as a `model.py` that a careful person would have written; weights load into it by name."""

from collections.abc import Iterator, Mapping
from functools import singledispatch
from pathlib import Path
from typing import Any, ClassVar

from architectures.ir import primitives
from architectures.ir.graph import Graph
from architectures.ir.primitives import Primitive
from codegen.formatting import formatted
from codegen.frameworks import register
from codegen.frameworks.blocks import PrintError
from codegen.frameworks.classes import Classes, classes_of
from codegen.frameworks.printer import Place, Printed, Say, call, grouped, print_class, special_constants


@singledispatch
def layer(op: Primitive, say: Say) -> str:
    """The constructor call of a primitive that is a module; the others are plain expressions in the forward pass."""
    raise PrintError(f"PyTorch has no module for the primitive {op.kind}")


@layer.register
def _(op: primitives.Conv2d, say: Say) -> str:
    options = [f"{name}={say(name)}" for name, usual in CONV_DEFAULTS.items() if say(name) != usual]
    return call("nn.Conv2d", say("in_channels"), say("out_channels"), say("kernel"), *options)


CONV_DEFAULTS = {"stride": "1", "padding": "0", "dilation": "1", "groups": "1", "bias": "True"}


@layer.register
def _(op: primitives.BatchNorm, say: Say) -> str:
    usual = {"eps": "1e-05", "momentum": "0.1"}
    return call("nn.BatchNorm2d", say("in_channels"), *(f"{n}={say(n)}" for n, u in usual.items() if say(n) != u))


@layer.register
def _(op: primitives.Linear, say: Say) -> str:
    options = [] if say("bias") == "True" else [f"bias={say('bias')}"]
    return call("nn.Linear", say("in_channels"), say("out_features"), *options)


@layer.register
def _(op: primitives.MaxPool, say: Say) -> str:
    return call("nn.MaxPool2d", say("kernel"), f"stride={say('stride')}", f"padding={say('padding')}")


@layer.register
def _(op: primitives.AvgPool, say: Say) -> str:
    options = (f"stride={say('stride')}", f"padding={say('padding')}", "count_include_pad=False")
    return call("nn.AvgPool2d", say("kernel"), *options)


@layer.register
def _(op: primitives.Dropout, say: Say) -> str:
    return call("nn.Dropout", say("rate"))


@singledispatch
def value(op: Primitive, *operands: str) -> str:
    raise PrintError(f"PyTorch has no rule for the primitive {op.kind}")


@value.register
def _(op: primitives.Relu, x: str) -> str:
    return f"F.relu({x})"


@value.register
def _(op: primitives.Relu6, x: str) -> str:
    return f"F.relu6({x})"


@value.register
def _(op: primitives.HardSwish, x: str) -> str:
    return f"F.hardswish({x})"


@value.register
def _(op: primitives.HardSigmoid, x: str) -> str:
    return f"F.hardsigmoid({x})"


@value.register
def _(op: primitives.Sigmoid, x: str) -> str:
    return f"torch.sigmoid({x})"


@value.register
def _(op: primitives.Add, *operands: str) -> str:
    return " + ".join(operands)


@value.register
def _(op: primitives.Multiply, x: str, y: str) -> str:
    return f"{grouped(x)} * {grouped(y)}"


@value.register
def _(op: primitives.Concat, *operands: str) -> str:
    return f"torch.cat(({', '.join(operands)}), dim=1)"


@value.register
def _(op: primitives.GlobalAvgPool, x: str) -> str:
    return f"F.adaptive_avg_pool2d({x}, 1)"


@value.register
def _(op: primitives.Flatten, x: str) -> str:
    return f"torch.flatten({x}, 1)"


@value.register
def _(op: primitives.Identity, x: str) -> str:
    return x


@value.register
def _(op: primitives.Zero, x: str) -> str:
    step = f"[:, :, ::{op.stride!r}, ::{op.stride!r}]" if op.stride > 1 else ""
    return f"torch.zeros_like({x}{step})"


class Torch:
    """PyTorch's words."""

    forward = "forward"
    tensor = "Tensor"
    channels_last = False

    def base(self, is_root: bool) -> str:
        return "nn.Module"

    def is_module(self, op: Primitive) -> bool:
        return layer.dispatch(type(op)) is not layer.dispatch(object)

    def layer(self, op: Primitive, say: Say) -> str:
        return layer(op, say)

    def value(self, op: Primitive, *operands: str) -> str:
        return value(op, *operands)

    def loop(self, name: str, count: int, made: str) -> Iterator[str]:
        yield f"        for number in range({count}):"
        yield f'            self.add_module(f"{name}{{number + 1}}", {made})'
        yield from ("", "    def forward(self, x: Tensor) -> Tensor:", f"        for {name} in self.children():")
        yield from (f"            x = {name}(x)", "        return x")


@register("pytorch")
class PyTorch:
    title: ClassVar[str] = "PyTorch source"
    place: ClassVar[int] = 0
    files: ClassVar[tuple[str, ...]] = ("model.py",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False
    extra: ClassVar[bool] = False
    requirements: ClassVar[tuple[str, ...]] = ()

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {"model.py": formatted(print_model(graph).source)}

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        """None: model.py is no export; the gate compares its weights and logits itself."""
        return iter(())


def print_model(graph: Graph, title: str = "An image classifier found by architecture search.") -> Printed:
    classes = classes_of(graph)
    places: dict[str, Place] = {}
    bodies = [print_class(Torch(), classes, each, places) for each in classes.classes]
    parts = [f'"""{title}"""', "", *imports(bodies), "", *constants(graph, classes), "", "", *bodies, LOAD]
    return Printed("\n".join(parts), places)


LOAD = '''def load(path: str | Path = WEIGHTS) -> Model:
    """The trained network, ready for inference."""
    model = Model()
    model.load_state_dict(load_file(path))
    return model.eval()
'''


def imports(bodies: list[str]) -> Iterator[str]:
    yield from ("from pathlib import Path", "")
    if any("torch." in body for body in bodies):
        yield "import torch"
    yield from ("from safetensors.torch import load_file", "from torch import Tensor, nn")
    if any("F." in body for body in bodies):
        yield "from torch.nn import functional as F"


def constants(graph: Graph, classes: Classes) -> Iterator[str]:
    meaning = "channels, height, width" if len(graph.input_shape) == 3 else "features"
    yield f"INPUT_SHAPE = {graph.input_shape!r}  # {meaning}"
    if "IMAGE_CHANNELS" in special_constants(classes):
        yield "IMAGE_CHANNELS = INPUT_SHAPE[0]"
    yield f"CLASSES = {graph.classes!r}"
    yield 'WEIGHTS = Path(__file__).with_name("weights") / "model.safetensors"'

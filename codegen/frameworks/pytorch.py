"""PyTorch: the graph as a `model.py` that a careful person would have written; weights load into it by name."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial, singledispatch
from itertools import pairwise
from typing import ClassVar

from architectures.ir import primitives
from architectures.ir.graph import Graph
from architectures.ir.primitives import Primitive
from codegen.formatting import formatted
from codegen.frameworks import register
from codegen.frameworks.blocks import Block, Leaf, PrintError
from codegen.frameworks.classes import BlockClass, Classes, Parameter, classes_of
from codegen.frameworks.prose import describe
from codegen.frameworks.shapes import shape_comment
from codegen.frameworks.statements import Rules, Statement, statements

Say = Callable[[str], str]  # a primitive's argument by name, as source text


@dataclass(frozen=True)
class Place:
    """Where a node stands: its class, its module there (None for an expression), its statement in forward."""

    class_name: str
    attribute: str | None
    statement: int


@dataclass(frozen=True)
class Printed:
    """A source text before formatting, and the place of each node in it."""

    source: str
    places: Mapping[str, Place]


@singledispatch
def layer(op: Primitive, say: Say) -> str:
    """The constructor call of a primitive that is a module; the others are plain expressions in the forward pass."""
    raise PrintError(f"PyTorch has no module for the primitive {op.kind}")


def is_module(op: Primitive) -> bool:
    return layer.dispatch(type(op)) is not layer.dispatch(object)


@layer.register
def _(op: primitives.Conv2d, say: Say) -> str:
    options = [f"{name}={say(name)}" for name, usual in CONV_DEFAULTS.items() if say(name) != usual]
    return call("nn.Conv2d", say("in_channels"), say("out_channels"), say("kernel"), *options)


SHORTEST_LOOP = 3
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


def grouped(text: str) -> str:
    return f"({text})" if " + " in text else text


def call(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"


@register("pytorch")
class PyTorch:
    title: ClassVar[str] = "PyTorch source"
    place: ClassVar[int] = 0
    files: ClassVar[tuple[str, ...]] = ("model.py",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False

    def sources(self, graph: Graph) -> Mapping[str, str]:
        return {"model.py": formatted(print_model(graph).source)}


def print_model(graph: Graph, title: str = "An image classifier found by architecture search.") -> Printed:
    classes = classes_of(graph)
    places: dict[str, Place] = {}
    bodies = [print_class(classes, each, places) for each in classes.classes]
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
    texts = {text for each in classes.classes for text in each.arguments.values()}
    meaning = "channels, height, width" if len(graph.input_shape) == 3 else "features"
    yield f"INPUT_SHAPE = {graph.input_shape!r}  # {meaning}"
    if "IMAGE_CHANNELS" in texts:
        yield "IMAGE_CHANNELS = INPUT_SHAPE[0]"
    yield f"CLASSES = {graph.classes!r}"
    yield 'WEIGHTS = Path(__file__).with_name("weights") / "model.safetensors"'


def print_class(classes: Classes, made: BlockClass, places: dict[str, Place]) -> str:
    signature = ", ".join(["self", *(parameter_text(parameter) for parameter in made.parameters)])
    lines = [f"class {made.name}(nn.Module):", f'    """{describe(classes, made)}"""', ""]
    lines += [f"    def __init__({signature}) -> None:", "        super().__init__()"]
    block = made.example
    names = argument_names(block)
    members = list(modules(classes, made))
    if repeats(block, [text for _, text in members]):
        return "\n".join([*lines, *loop(block, members[0][1])]) + "\n\n"
    lines += [f"        self.{name} = {text}" for name, text in members]
    result = "Tensor" if len(block.outputs) == 1 else f"tuple[{', '.join('Tensor' for _ in block.outputs)}]"
    lines += ["", f"    def forward({', '.join(['self', *(f'{name}: Tensor' for name in names)])}) -> {result}:"]
    body = statements(block, names, TorchRules(made))
    for statement in body:
        comment = shape_comment(classes.graph, made, statement.values)
        lines.append(f"        {statement.text}{f'  # {comment}' if comment else ''}")
    note_places(made, body, places)
    return "\n".join(lines) + "\n\n"


def repeats(block: Block, calls: list[str]) -> bool:
    """Whether a block is one and the same block several times, one after another, numbered from 1."""
    children = block.blocks
    if len(children) < SHORTEST_LOOP or len(children) < len(block.children) or len(set(calls)) > 1:
        return False
    numbered = all(child.attribute == f"{stem_of(children[0])}{n}" for n, child in enumerate(children, 1))
    chained = all(child.inputs == before.outputs for before, child in pairwise(children))
    return numbered and chained and len(block.inputs) == 1 and block.outputs == children[-1].outputs


def loop(block: Block, call_text: str) -> Iterator[str]:
    name = stem_of(block.blocks[0])
    yield f"        for number in range({len(block.blocks)}):"
    yield f'            self.add_module(f"{name}{{number + 1}}", {call_text})'
    yield from ("", "    def forward(self, x: Tensor) -> Tensor:", f"        for {name} in self.children():")
    yield from (f"            x = {name}(x)", "        return x")


def stem_of(block: Block) -> str:
    return block.attribute.rstrip("0123456789")


def argument_names(block: Block) -> list[str]:
    if block.path == "":
        return ["images"]
    return ["x"] if len(block.inputs) == 1 else ["x", "skip", *(f"skip{n}" for n in range(2, len(block.inputs)))]


def parameter_text(parameter: Parameter) -> str:
    default = f" = {parameter.default!r}" if parameter.default is not None else ""
    return f"{parameter.name}: {parameter.type}{default}"


def modules(classes: Classes, made: BlockClass) -> Iterator[tuple[str, str]]:
    for child in made.example.children:
        if isinstance(child, Block):
            yield child.attribute, instance(classes, made, child)
        elif is_module(child.node.primitive):
            yield attribute_of(child), layer(child.node.primitive, partial(made.argument, child.attribute))


def instance(classes: Classes, made: BlockClass, child: Block) -> str:
    inner = classes.of_path[child.path]
    arguments = []
    for parameter in inner.parameters:
        text = made.argument(child.attribute, parameter.name)
        if parameter.default is not None and text == repr(parameter.default):
            continue
        by_place = parameter.role == "channels" and parameter.default is None
        arguments.append(text if by_place else f"{parameter.name}={text}")
    return call(inner.name, *arguments)


def attribute_of(leaf: Leaf) -> str:
    return leaf.attribute.replace(".", "_")


@dataclass(frozen=True)
class TorchRules(Rules):
    """How one class's children read in its forward pass."""

    made: BlockClass

    def expression(self, child: Leaf | Block, operands: list[str]) -> str:
        if isinstance(child, Block):
            return call(f"self.{child.attribute}", *operands)
        if is_module(child.node.primitive):
            return call(f"self.{attribute_of(child)}", *operands)
        return value(child.node.primitive, *operands)


def note_places(made: BlockClass, body: list[Statement], places: dict[str, Place]) -> None:
    for block in made.blocks:
        for number, statement in enumerate(body):
            for index in statement.children:
                child = block.children[index]
                if isinstance(child, Leaf):
                    module = attribute_of(child) if is_module(child.node.primitive) else None
                    places[child.node.name] = Place(made.name, module, number)

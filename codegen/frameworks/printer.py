"""A network as classes of layers, in the words of a framework: what PyTorch and Keras printers share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol

from architectures.ir.primitives import Primitive
from codegen.frameworks.blocks import Block, Leaf
from codegen.frameworks.classes import BlockClass, Classes, Parameter
from codegen.frameworks.prose import describe
from codegen.frameworks.shapes import shape_comment
from codegen.frameworks.statements import Rules, Statement, statements

Say = Callable[[str], str]  # a primitive's argument by name, as source text
SHORTEST_LOOP = 3


class Dialect(Protocol):
    """The words of one framework: a rule for each primitive, and how a class of layers is written."""

    forward: str  # the method that computes
    tensor: str
    channels_last: bool

    def base(self, is_root: bool) -> str:
        """The class that a printed class extends."""
        ...

    def is_module(self, op: Primitive) -> bool:
        """Whether it is made in the constructor; the others are expressions where they are used."""
        ...

    def layer(self, op: Primitive, say: Say) -> str: ...

    def value(self, op: Primitive, *operands: str) -> str: ...

    def loop(self, name: str, count: int, made: str) -> Iterator[str]:
        """The body of a class that is one block `count` times: the rest of the constructor, and the forward pass."""
        ...


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


def print_class(dialect: Dialect, classes: Classes, made: BlockClass, places: dict[str, Place]) -> str:
    signature = ", ".join(["self", *(parameter_text(parameter) for parameter in made.parameters)])
    block = made.example
    lines = [
        f"class {made.name}({dialect.base(block.path == '')}):",
        f'    """{describe(classes, made, dialect.channels_last)}"""',
        "",
    ]
    lines += [f"    def __init__({signature}) -> None:", "        super().__init__()"]
    names = argument_names(block)
    members = list(modules(dialect, classes, made))
    if repeats(block, [text for _, text in members]):
        return "\n".join([*lines, *dialect.loop(stem_of(block.blocks[0]), len(block.blocks), members[0][1])]) + "\n\n"
    lines += [f"        self.{name} = {text}" for name, text in members]
    word = dialect.tensor
    result = word if len(block.outputs) == 1 else f"tuple[{', '.join(word for _ in block.outputs)}]"
    given = ", ".join(["self", *(f"{name}: {word}" for name in names)])
    lines += ["", f"    def {dialect.forward}({given}) -> {result}:"]
    body = statements(block, names, ClassRules(dialect))
    for statement in body:
        comment = shape_comment(classes.graph, made, statement.values, dialect.channels_last)
        lines.append(f"        {statement.text}{f'  # {comment}' if comment else ''}")
    note_places(dialect, made, body, places)
    return "\n".join(lines) + "\n\n"


def special_constants(classes: Classes) -> set[str]:
    """The constants that the classes read: what the data set decides stands on top of a source."""
    return {text for each in classes.classes for text in each.arguments.values()}


def repeats(block: Block, calls: list[str]) -> bool:
    """Whether a block is one and the same block several times, one after another, numbered from 1."""
    children = block.blocks
    if len(children) < SHORTEST_LOOP or len(children) < len(block.children) or len(set(calls)) > 1:
        return False
    numbered = all(child.attribute == f"{stem_of(children[0])}{n}" for n, child in enumerate(children, 1))
    chained = all(child.inputs == before.outputs for before, child in pairwise(children))
    return numbered and chained and len(block.inputs) == 1 and block.outputs == children[-1].outputs


def stem_of(block: Block) -> str:
    return block.attribute.rstrip("0123456789")


def argument_names(block: Block) -> list[str]:
    if block.path == "":
        return ["images"]
    return ["x"] if len(block.inputs) == 1 else ["x", "skip", *(f"skip{n}" for n in range(2, len(block.inputs)))]


def parameter_text(parameter: Parameter) -> str:
    default = f" = {parameter.default!r}" if parameter.default is not None else ""
    return f"{parameter.name}: {parameter.type}{default}"


def modules(dialect: Dialect, classes: Classes, made: BlockClass) -> Iterator[tuple[str, str]]:
    for child in made.example.children:
        if isinstance(child, Block):
            yield child.attribute, instance(classes, made, child)
        elif dialect.is_module(child.node.primitive):
            yield attribute_of(child), dialect.layer(child.node.primitive, partial(made.argument, child.attribute))


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
class ClassRules(Rules):
    """How one class's children read in its forward pass."""

    dialect: Dialect

    def expression(self, child: Leaf | Block, operands: list[str]) -> str:
        if isinstance(child, Block):
            return call(f"self.{child.attribute}", *operands)
        if self.dialect.is_module(child.node.primitive):
            return call(f"self.{attribute_of(child)}", *operands)
        return self.dialect.value(child.node.primitive, *operands)


def note_places(dialect: Dialect, made: BlockClass, body: list[Statement], places: dict[str, Place]) -> None:
    for block in made.blocks:
        for number, statement in enumerate(body):
            for index in statement.children:
                child = block.children[index]
                if isinstance(child, Leaf):
                    module = attribute_of(child) if dialect.is_module(child.node.primitive) else None
                    places[child.node.name] = Place(made.name, module, number)


def grouped(text: str) -> str:
    return f"({text})" if " + " in text else text


def call(function: str, *arguments: str) -> str:
    return f"{function}({', '.join(arguments)})"

"""A network as classes of layers, in the words of a framework."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from architectures.ir.graph import Graph
from codegen.printing.blocks import Block, Leaf
from codegen.printing.classes import BlockClass, Classes, Parameter, classes_of
from codegen.printing.dialect import Dialect, call
from codegen.printing.prose import describe
from codegen.printing.shapes import shape_comment
from codegen.printing.statements import Rules, Statement, statements

SHORTEST_LOOP = 3


@dataclass(frozen=True)
class Place:
    """The place of a node: its class, its module there (None for an expression), its statement in forward."""

    class_name: str
    attribute: str | None
    statement: int


@dataclass(frozen=True)
class Printed:
    """A source text before formatting, and the place of each node in it."""

    source: str
    places: Mapping[str, Place]


def print_network(dialect: Dialect, graph: Graph, title: str) -> Printed:
    """The whole source: imports, the constants that the dataset decides, and the classes, inner ones first."""
    classes = classes_of(graph)
    places: dict[str, Place] = {}
    bodies = [print_class(dialect, classes, each, places) for each in classes.classes]
    parts = [f'"""{title}"""', "", *dialect.imports("\n".join(bodies)), ""]
    parts += [*constants(graph, classes), *dialect.constants, "", "", *bodies, *dialect.closing]
    return Printed("\n".join(parts), places)


def constants(graph: Graph, classes: Classes) -> Iterator[str]:
    meaning = "channels, height, width" if len(graph.input_shape) == 3 else "features"
    yield f"INPUT_SHAPE = {graph.input_shape!r}  # {meaning}"
    if "IMAGE_CHANNELS" in {text for each in classes.classes for text in each.arguments.values()}:
        yield "IMAGE_CHANNELS = INPUT_SHAPE[0]"
    yield f"CLASSES = {graph.classes!r}"


def print_class(dialect: Dialect, classes: Classes, made: BlockClass, places: dict[str, Place]) -> str:
    signature = ", ".join(["self", *(parameter_text(parameter) for parameter in made.parameters)])
    block = made.example
    lines = [
        f"class {made.name}({dialect.bases[block.path == '']}):",
        f'    """{describe(classes, made, dialect.channels_last)}"""',
        "",
    ]
    lines += [f"    def __init__({signature}) -> None:", *(f"        {line}" for line in dialect.opening)]
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


def repeats(block: Block, calls: list[str]) -> bool:
    """Returns whether a block is one and the same block several times, one after another, numbered from 1."""
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

"""Shapes as trailing comments: numbers where a class stands once, names where it stands for several blocks."""

from architectures.ir.graph import Graph
from codegen.printing.blocks import Block
from codegen.printing.classes import BlockClass


def shape_comment(graph: Graph, made: BlockClass, values: tuple[str, ...], channels_last: bool = False) -> str:
    """Returns the shape of the last value that a statement makes, such as `(N, 16, 8, 8)`."""
    example = values[-1]
    shapes = [graph.node(counterpart(made.example, block, example)).shape for block in made.blocks]
    if len(shapes[0]) == 1:
        return f"(N, {channel_text(made, tuple(shape[0] for shape in shapes))})"
    channels = channel_text(made, tuple(shape[0] for shape in shapes))
    sides = sides_text(graph, made, shapes)
    return f"(N, {sides}, {channels})" if channels_last else f"(N, {channels}, {sides})"


def counterpart(example: Block, block: Block, value: str) -> str:
    """The node of another block of the class that stands where `value` stands in the example."""
    if value in example.inputs:
        return block.inputs[example.inputs.index(value)]
    return value.replace(example.path, block.path, 1) if example.path else value


def channel_text(made: BlockClass, channels: tuple[int, ...]) -> str:
    if len(made.blocks) > 1 or made.parameters:
        for parameter in made.parameters:
            if parameter.role == "channels" and parameter.values == channels:
                return parameter.name
    return str(channels[0]) if len(set(channels)) == 1 else "C"


def sides_text(graph: Graph, made: BlockClass, shapes: list[tuple[int, ...]]) -> str:
    if len({shape[1:] for shape in shapes}) == 1:
        return f"{shapes[0][1]}, {shapes[0][2]}"
    inputs = [graph.node(block.inputs[0]).shape for block in made.blocks]
    if all(len(before) == 3 for before in inputs):
        if all(before[1:] == shape[1:] for before, shape in zip(inputs, shapes, strict=True)):
            return "H, W"
        if all(halved(before) == shape[1:] for before, shape in zip(inputs, shapes, strict=True)):
            return "H / 2, W / 2"
    strided = next((parameter.name for parameter in made.parameters if parameter.role == "stride"), None)
    return f"H / {strided}, W / {strided}" if strided else "H', W'"


def halved(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple((side + 1) // 2 for side in shape[1:])

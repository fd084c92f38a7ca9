"""One line on what a printed class computes."""

from architectures.ir import primitives
from architectures.ir.graph import Graph
from codegen.printing.blocks import Block, Leaf
from codegen.printing.classes import BlockClass, Classes

WORDS = {
    primitives.BatchNorm: "batch norm",
    primitives.Relu: "ReLU",
    primitives.Relu6: "ReLU6",
    primitives.HardSwish: "hard swish",
    primitives.HardSigmoid: "hard sigmoid",
    primitives.Sigmoid: "sigmoid",
    primitives.MaxPool: "max pooling",
    primitives.AvgPool: "average pooling",
    primitives.Add: "sum",
    primitives.Multiply: "product",
    primitives.Concat: "concatenation",
    primitives.GlobalAvgPool: "global average pooling",
    primitives.Linear: "linear layer",
    primitives.Dropout: "dropout",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
LONGEST = 100


def describe(classes: Classes, made: BlockClass, channels_last: bool = False) -> str:
    block = made.example
    if block.path == "":
        channels, *pixels = classes.graph.input_shape
        shape = (*pixels, channels) if channels_last else (channels, *pixels)
        return f"Images (N, {', '.join(map(str, shape))}) to logits (N, {classes.graph.classes})."
    if block.blocks and not made.parameters:
        parts = {child.attribute.partition(".")[0] for child in block.children}
        noun = "layer" if all(part.startswith("layer") for part in parts) else "part"
        return f"{plural(len(parts), noun)}, {sides(classes.graph, block)}."
    if len(block.blocks) == len(block.children) and len({classes.of_path[each.path] for each in block.blocks}) == 1:
        return f"{plural(len(block.blocks), f'{classes.of_path[block.blocks[0].path].name} block')}."
    words = [word for child in block.children if (word := child_word(classes, child))]
    text = ", ".join(word for word, before in zip(words, ["", *words], strict=False) if word != before)
    text = text if len(text) <= LONGEST else text[: text.rfind(",", 0, LONGEST)] + " and more"
    return f"{text[:1].upper()}{text[1:]}."


def child_word(classes: Classes, child: Leaf | Block) -> str:
    if isinstance(child, Block):
        return classes.of_path[child.path].name
    op = child.node.primitive
    if isinstance(op, primitives.Conv2d):
        alike = {
            leaf.node.primitive.kernel
            for leaf in like(classes, child)
            if isinstance(leaf.node.primitive, primitives.Conv2d)
        }
        kernel = f"{op.kernel}×{op.kernel} " if len(alike) == 1 else ""
        depth = "depthwise " if op.groups > 1 and op.groups == op.out_channels else "grouped " if op.groups > 1 else ""
        return f"{'dilated ' if op.dilation > 1 and not depth else ''}{depth}{kernel}convolution"
    return WORDS.get(type(op), "")


def like(classes: Classes, leaf: Leaf) -> list[Leaf]:
    """The leaves of all blocks of the class that stand where this one stands."""
    made = classes.of_path[leaf.node.name.removesuffix(f".{leaf.attribute}") if "." in leaf.node.name else ""]
    place = made.example.children.index(leaf)
    return [child for block in made.blocks if isinstance(child := block.children[place], Leaf)]


def plural(count: int, noun: str) -> str:
    word = NUMBERS[count] if count < len(NUMBERS) else str(count)
    return f"{word.capitalize()} {noun}{'s' * (count != 1)}"


def sides(graph: Graph, block: Block) -> str:
    before, after = (text(graph.node(name).shape) for name in (block.inputs[0], block.outputs[-1]))
    return f"{before} to {after}"


def text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))

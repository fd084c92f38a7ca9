"""A block's forward pass as a few readable statements: short chains nest, names live no longer than needed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from architectures.ir import primitives
from codegen.printing.blocks import Block, Leaf

ACTIVATIONS = (
    primitives.Relu,
    primitives.Relu6,
    primitives.HardSwish,
    primitives.HardSigmoid,
    primitives.Sigmoid,
)
MIXERS = (primitives.Add, primitives.Multiply, primitives.Concat)
RESERVED = {"torch", "nn", "F", "self", "Tensor", "keras", "layers", "ops", "nnx", "jnp", "parts"}
LONGEST_CHAIN = 3


class Rules(Protocol):
    """How a framework writes one step."""

    def expression(self, child: Leaf | Block, operands: list[str]) -> str: ...


@dataclass(frozen=True)
class Statement:
    """One line, the children (by index) that it computes, and the values that it names or returns."""

    text: str
    children: tuple[int, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Pending:
    """An expression that waits to be nested in the next one."""

    text: str
    children: tuple[int, ...]


def statements(block: Block, names: list[str], rules: Rules) -> list[Statement]:
    """The forward pass of a block whose inputs have these names."""
    writer = Writer(block, names)
    for index, child in enumerate(block.children):
        writer.step(index, child, rules)
    return writer.finish()


class Writer:
    """Walks the children once, with the names that are in use."""

    def __init__(self, block: Block, names: list[str]) -> None:
        self.block = block
        self.names = dict(zip(block.inputs, names, strict=True))
        self.uses = Counter(name for child in block.children for name in child.inputs) + Counter(block.outputs)
        self.left = Counter(self.uses)
        self.pending: dict[str, Pending] = {}
        self.lines: list[Statement] = []

    def step(self, index: int, child: Leaf | Block, rules: Rules) -> None:
        operands: list[str] = []
        members: tuple[int, ...] = (index,)
        for name in child.inputs:
            waiting = self.pending.pop(name, None)
            operands.append(waiting.text if waiting else self.names[name])
            members = (*waiting.children, *members) if waiting else members
            self.left[name] -= 1
        text = rules.expression(child, operands)
        if self.nests(index, child, len(members)):
            self.pending[child.outputs[0]] = Pending(text, members)
        elif index == len(self.block.children) - 1 and child.outputs == self.block.outputs:
            self.lines.append(Statement(f"return {text}", members, child.outputs))
        else:
            targets = [self.name(index, child, output) for output in child.outputs]
            self.lines.append(Statement(f"{', '.join(targets)} = {text}", members, child.outputs))

    def finish(self) -> list[Statement]:
        if not self.lines or not self.lines[-1].text.startswith("return "):
            returned = ", ".join(self.names[name] for name in self.block.outputs)
            self.lines.append(Statement(f"return {returned}", (), self.block.outputs))
        return self.lines

    def nests(self, index: int, child: Leaf | Block, length: int) -> bool:
        if index + 1 == len(self.block.children) or len(child.outputs) > 1 or self.uses[child.outputs[0]] > 1:
            return False
        after = self.block.children[index + 1]
        if child.outputs[0] not in after.inputs or isinstance(after, Block):
            return False
        mixes = isinstance(after.node.primitive, MIXERS)
        if isinstance(child, Block):
            return mixes
        if mixes:
            return length <= LONGEST_CHAIN
        return length < LONGEST_CHAIN and continues(child, after, length)

    def name(self, index: int, child: Leaf | Block, output: str) -> str:
        live = {name for value, name in self.names.items() if self.left[value] > 0}
        chosen = next(name for name in self.candidates(index, child, output) if name not in live | RESERVED)
        self.names[output] = chosen
        return chosen

    def candidates(self, index: int, child: Leaf | Block, output: str) -> Iterator[str]:
        readers = [number for number, each in enumerate(self.block.children) if output in each.inputs]
        is_short = readers == [index + 1] and output not in self.block.outputs
        own = child.attribute.replace(".", "_")
        if isinstance(child, Leaf) or (is_short and len(child.outputs) == 1) or readers == []:
            yield "x"
        if isinstance(child, Leaf):
            yield "y"
        if isinstance(child, Leaf) or output == child.outputs[-1]:
            yield own
        yield output.removeprefix(f"{self.block.path}.").rpartition(".")[0].replace(".", "_") or own
        yield from (f"{own}_{number}" for number in range(2, 1000))


def continues(child: Leaf, after: Leaf, length: int) -> bool:
    """Returns whether the next step belongs to the same line: convolution, norm and activation do."""
    this, following = child.node.primitive, after.node.primitive
    if isinstance(this, MIXERS):
        return isinstance(following, ACTIVATIONS)
    if isinstance(this, ACTIVATIONS):
        return length == 1
    return not isinstance(this, primitives.Flatten)

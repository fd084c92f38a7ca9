"""Blocks that are alike become one class: what differs between them becomes its parameters (anti-unification)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

from architectures.ir.graph import Graph
from architectures.ir.primitives import BatchNorm, Conv2d, Linear, Zero
from codegen.printing.blocks import Block, Leaf, root_block
from codegen.printing.naming import class_names

Value = int | float | bool
ROLES = {"out_channels": "channels", "in_channels": "channels", "out_features": "channels", "groups": "channels"}
DEFAULTS = {"stride": 1, "dilation": 1, "groups": 1, "padding": 0}
ORDER = ("in_channels", "channels", "out_channels")
MOST_STAGE_PARAMETERS = 3
FIXED = (Zero,)  # printed inside a forward pass, where no parameter is at hand: their fields are part of the class


@dataclass(frozen=True)
class Parameter:
    """A constructor argument of a class, with its value for each block of that class."""

    name: str
    role: str
    values: tuple[Value, ...]

    @property
    def default(self) -> Value | None:
        value = DEFAULTS.get(self.role)
        return value if value in self.values else None

    @property
    def type(self) -> str:
        return type(self.values[0]).__name__


@dataclass(frozen=True, eq=False)
class BlockClass:
    """One class of the printed source: its blocks, its parameters and the text of each argument inside it."""

    name: str
    blocks: tuple[Block, ...]
    parameters: tuple[Parameter, ...]
    arguments: Mapping[tuple[str, str], str] = field(repr=False)  # (child's attribute, its argument) -> source text

    @property
    def example(self) -> Block:
        return self.blocks[0]

    def argument(self, attribute: str, name: str) -> str:
        return self.arguments[attribute, name]

    def value(self, parameter: Parameter, block: Block) -> Value:
        return parameter.values[[each.path for each in self.blocks].index(block.path)]


@dataclass(frozen=True)
class Slot:
    """A place in a class where a number stands, with the numbers of all its blocks."""

    attribute: str
    name: str
    role: str
    values: tuple[Value, ...]

    @property
    def is_constant(self) -> bool:
        return len(set(self.values)) == 1


@dataclass(frozen=True)
class Classes:
    """All classes of a network, inner ones first; the last one is the network."""

    graph: Graph
    root: Block
    classes: tuple[BlockClass, ...]
    of_path: Mapping[str, BlockClass] = field(repr=False)


def classes_of(graph: Graph, root_name: str = "Model") -> Classes:
    root = root_block(graph)
    alike: dict[object, list[Block]] = {}
    for block in inner_first(root):
        alike.setdefault(signature(block), []).append(block)
    of_path: dict[str, BlockClass] = {}
    classes: list[BlockClass] = []
    for blocks in alike.values():
        for made in unified(graph, blocks, of_path):
            of_path.update({block.path: made for block in made.blocks})
            classes.append(made)
    classes.sort(key=reading_order)
    names = class_names([made.blocks for made in classes], root_name)
    named = {old: replace(old, name=name) for old, name in zip(classes, names, strict=True)}
    return Classes(graph, root, tuple(named.values()), {path: named[made] for path, made in of_path.items()})


def unified(graph: Graph, blocks: list[Block], inner: Mapping[str, BlockClass]) -> Iterator[BlockClass]:
    """One class for all, unless they are stages with so many differences that a class each reads better."""
    made = Unifier(graph, tuple(blocks), inner).block_class()
    is_stage = "." not in blocks[0].path and bool(blocks[0].blocks)
    if is_stage and len(blocks) > 1 and len(made.parameters) > MOST_STAGE_PARAMETERS:
        yield from (Unifier(graph, (block,), inner).block_class() for block in blocks)
    else:
        yield made


def reading_order(made: BlockClass) -> tuple[int, int]:
    """Sorts what others are made of first, then stem, stages and head, at last the network."""
    paths = [block.path for block in made.blocks]
    if paths == [""]:
        return 2, 0
    return (0, max(map(block_depth, made.blocks))) if any("." in path for path in paths) else (1, 0)


def block_depth(block: Block) -> int:
    return 1 + max((block_depth(child) for child in block.blocks), default=0)


def inner_first(block: Block) -> Iterator[Block]:
    for child in block.blocks:
        yield from inner_first(child)
    yield block


def signature(block: Block) -> object:
    """Equal for blocks that differ in numbers only."""
    local: dict[str, object] = {name: index for index, name in enumerate(block.inputs)}
    rows = []
    for child in block.children:
        rows.append((child.attribute, kind(child), tuple(local[name] for name in child.inputs)))
        local.update({name: (child.attribute, index) for index, name in enumerate(child.outputs)})
    return tuple(rows), len(block.inputs), tuple(local[name] for name in block.outputs)


def kind(child: Leaf | Block) -> object:
    if isinstance(child, Block):
        return signature(child)
    return child.node.primitive if isinstance(child.node.primitive, FIXED) else child.node.primitive.kind


class Unifier:
    """Makes one class out of blocks that are alike, after the classes of the blocks inside them."""

    def __init__(self, graph: Graph, blocks: tuple[Block, ...], inner: Mapping[str, BlockClass]) -> None:
        self.graph, self.blocks, self.inner = graph, blocks, inner
        # Stem, stages and head stand once: their numbers are written where they are used.
        self.is_literal = len(blocks) == 1 and "." not in blocks[0].path
        self.parameters: dict[tuple[str, tuple[Value, ...]], Parameter] = {}

    def block_class(self) -> BlockClass:
        slots = {(slot.attribute, slot.name): slot for slot in self.slots()}
        arguments: dict[tuple[str, str], str] = {}
        for key, slot in sorted(slots.items(), key=lambda item: item[1].name in ("padding", "groups")):
            arguments[key] = self.text(slot, slots, arguments)
        return BlockClass("", self.blocks, tuple(sorted(self.parameters.values(), key=place)), arguments)

    def slots(self) -> Iterator[Slot]:
        for index, child in enumerate(self.blocks[0].children):
            alike = [block.children[index] for block in self.blocks]
            leaves = [each for each in alike if isinstance(each, Leaf)]
            if leaves:
                yield from leaf_slots(self.graph, leaves)
                continue
            made = self.inner[f"{self.blocks[0].path}.{child.attribute}".lstrip(".")]
            for parameter in made.parameters:
                values = tuple(made.value(parameter, each) for each in alike if isinstance(each, Block))
                yield Slot(child.attribute, parameter.name, parameter.role, values)

    def text(self, slot: Slot, slots: Mapping[tuple[str, str], Slot], known: Mapping[tuple[str, str], str]) -> str:
        special = self.special(slot)
        if special:
            return special
        if slot.is_constant and (
            self.is_literal or slot.role != "channels" or (slot.name == "groups" and slot.values[0] == 1)
        ):
            return repr(slot.values[0])
        if slot.name == "padding":
            derived = derived_padding(slot, slots, known)
            if derived:
                return derived
        return self.parameter(slot).name

    def special(self, slot: Slot) -> str | None:
        """The two numbers that the dataset decides stand as constants at the top of the source."""
        child = next(child for child in self.blocks[0].children if child.attribute == slot.attribute)
        if len(self.blocks) > 1 or not (self.is_literal or self.blocks[0].path == ""):
            return None
        if slot.name == "in_channels" and child.inputs[0] == "input" and len(self.graph.input_shape) == 3:
            return "IMAGE_CHANNELS"
        is_output = isinstance(child, Leaf) and child.node is self.graph.output and slot.name == "out_features"
        return "CLASSES" if is_output else None

    def parameter(self, slot: Slot) -> Parameter:
        key = slot.role, slot.values
        if key not in self.parameters:
            taken = {parameter.name for parameter in self.parameters.values()}
            self.parameters[key] = Parameter(free(self.parameter_names(slot), taken), slot.role, slot.values)
        return self.parameters[key]

    def parameter_names(self, slot: Slot) -> Iterator[str]:
        prefix = slot.attribute.replace(".", "_")
        if slot.role == "channels":
            into = self.channels(lambda block: block.inputs[0]) == slot.values
            out = self.channels(lambda block: block.outputs[0]) == slot.values
            if into or out:
                yield "channels" if into and out else "in_channels" if into else "out_channels"
            yield f"{prefix}_channels"
        else:
            yield slot.name
        yield f"{prefix}_{slot.name}"
        yield from (f"{prefix}_{slot.name}_{number}" for number in range(2, 100))

    def channels(self, which: Callable[[Block], str]) -> tuple[int, ...]:
        return tuple(self.graph.node(which(block)).shape[0] for block in self.blocks)


def leaf_slots(graph: Graph, leaves: list[Leaf]) -> Iterator[Slot]:
    first = leaves[0].node.primitive
    attribute = leaves[0].attribute
    if isinstance(first, (Conv2d, BatchNorm, Linear)):
        values = tuple(graph.node(leaf.inputs[0]).shape[0] for leaf in leaves)
        yield Slot(attribute, "in_channels", "channels", values)
    if isinstance(first, FIXED):
        return
    for option in fields(first):  # type: ignore[arg-type]  # every primitive is a dataclass
        values = tuple(getattr(leaf.node.primitive, option.name) for leaf in leaves)
        yield Slot(attribute, option.name, ROLES.get(option.name, option.name), values)


def derived_padding(
    slot: Slot, slots: Mapping[tuple[str, str], Slot], known: Mapping[tuple[str, str], str]
) -> str | None:
    """`kernel // 2`, where that is what the padding is; None where it is a number of its own."""
    kernel = slots[slot.attribute, "kernel"]
    dilation = slots.get(
        (slot.attribute, "dilation"), Slot(slot.attribute, "dilation", "dilation", (1,) * len(slot.values))
    )
    expected = tuple(int(d) * (int(k) // 2) for k, d in zip(kernel.values, dilation.values, strict=True))
    if slot.values != expected:
        return None
    half = repr(int(kernel.values[0]) // 2) if kernel.is_constant else f"{known[slot.attribute, 'kernel']} // 2"
    if dilation.is_constant and dilation.values[0] == 1:
        return half
    spread = known[slot.attribute, "dilation"]
    return spread if half == "1" else f"{spread} * ({half})"


def place(parameter: Parameter) -> tuple[bool, int, str]:
    """Channels first, in the order of the data's way; what has a default comes last."""
    rank = ORDER.index(parameter.name) if parameter.name in ORDER else len(ORDER) + (parameter.role != "channels")
    return parameter.default is not None, rank, parameter.name


def free(names: Iterator[str], taken: set[str]) -> str:
    return next(name for name in names if name not in taken)

"""What a supernet is: a legal graph in which every decision of a space stands open, and the genotype of each choice.

It is built by the operations of the space through the builder of real networks; only four primitives are its own, and
no printer knows them. An edge holds all its operations, and a Mixture says what each choice lets in. Nothing of torch
here: an algorithm reads the decisions, the evaluator runs the graph (`architectures/nets/supernet.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import ClassVar

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import KINDS, Add, Primitive, Shape, Shapes, Zero
from architectures.operations import Operation
from architectures.operations import get as operation
from architectures.operations.parts import project
from architectures.spaces import Space, SpaceError
from architectures.spaces.cell201 import EXPANDERS, Cell201
from architectures.spaces.cell201 import OPERATIONS as CELL_OPERATIONS
from architectures.spaces.chain import Chain, Layer, Stage
from architectures.spaces.space import Genotype

SKIP = "skip_connect"
SPARE = 8  # channels that no choice uses; a number that partial channels divide


@dataclass(frozen=True, slots=True)
class Mixture(Primitive):
    """The sum of its inputs, each weighted by the probability of the choices that let it in (no choices: all do).

    Of an operation the last input may be its edge's own: an auxiliary skip connection, which is no choice and fades
    (DARTS-, arXiv 2009.01027). It makes edges trainable, so that the skip that can be chosen has no such advantage.
    """

    arity: ClassVar[int | None] = None
    decision: int
    members: tuple[tuple[int, ...], ...]
    has_auxiliary: bool = False

    def infer(self, shapes: Shapes) -> Shape:
        return Add().infer(shapes)


@dataclass(frozen=True, slots=True)
class WidthMask(Primitive):
    """The first channels, as many as the choice says; the others are zeros (FBNetV2, arXiv 2004.05565)."""

    decision: int
    widths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Share(Primitive):
    """Every `parts`-th channel, from `first` on: those that a partial edge computes on (PC-DARTS, 1907.05737)."""

    parts: int
    first: int

    def infer(self, shapes: Shapes) -> Shape:
        return shapes[0][0] // self.parts, *shapes[0][1:]


@dataclass(frozen=True, slots=True)
class Restore(Primitive):
    """The first input with the second one in the place of its share."""

    arity: ClassVar[int | None] = 2
    parts: int
    first: int


for own in (Mixture, WidthMask, Share, Restore):
    del KINDS[own.kind]  # no document and no printed network has them


@dataclass(frozen=True)
class Mixed:
    """A decision of the supernet: where it stands in the space's, which of its choices are open, and their names."""

    name: str
    index: int
    choices: tuple[int, ...]
    labels: tuple[str, ...]
    is_operation: bool


@dataclass(frozen=True)
class MixedOperation:
    """All operations of an edge at once: an Operation like its members, each in a scope of its name."""

    decision: int
    members: tuple[tuple[str, Operation], ...]
    parts: int = 1

    def expand(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        is_partial = self.parts > 1 and stride == 1 and builder.shape(x)[0] == channels and channels % self.parts == 0
        if not is_partial:
            return self._mixture(builder, x, channels, stride)
        first = self.decision % self.parts  # another share on each edge, so that every channel is computed on somewhere
        share = builder.add("share", Share(self.parts, first), x)
        y = self._mixture(builder, share, channels // self.parts, stride)
        return builder.add("restore", Restore(self.parts, first), x, y)

    def _mixture(self, builder: Builder, x: str, channels: int, stride: int) -> str:
        ends = []
        for name, member in self.members:
            with builder.scope(name):
                ends.append(member.expand(builder, x, channels, stride))
        if len(ends) == 1:
            return ends[0]
        has_auxiliary = builder.shape(x) == builder.shape(ends[0])
        mixture = Mixture(self.decision, tuple((place,) for place in range(len(ends))), has_auxiliary)
        return builder.add("mixture", mixture, *ends, *[x] * has_auxiliary)


@dataclass(frozen=True)
class Supergraph:
    """The graph, its decisions, and which scopes have a width that one of them chooses."""

    space: Space
    graph: Graph
    decisions: tuple[Mixed, ...]
    widths: Mapping[str, tuple[int, tuple[int, ...]]]  # scope: decision, channels of each choice

    def genotype(self, choices: Sequence[int]) -> Genotype:
        """The point of the space that a path stands for."""
        found = [0] * len(self.space.decisions)
        for decision, choice in zip(self.decisions, choices, strict=True):
            found[decision.index] = decision.choices[choice]
        return self.space.canonical(_as_genotype(self.space, tuple(found)))

    def operations(self, choices: Sequence[int]) -> list[str]:
        """The operations that a path goes through, by name; layers that it does not reach are none of them."""
        found = [0] * len(self.space.decisions)
        for decision, choice in zip(self.decisions, choices, strict=True):
            found[decision.index] = decision.choices[choice]
        relevant = self.space.relevant(tuple(found))
        return [
            decision.labels[choice]
            for decision, choice in zip(self.decisions, choices, strict=True)
            if decision.is_operation and relevant[decision.index]
        ]

    def skip_share(self, choices: Sequence[int]) -> float:
        """Returns the share of skips on a path: the sign of a collapse (RobustDARTS, arXiv 1909.09656)."""
        names = self.operations(choices)
        return names.count(SKIP) / len(names)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The operations that edges choose from."""
        return next((each.labels for each in self.decisions if each.is_operation), ())


@singledispatch
def supergraph(space: Space, parts: int = 1) -> Supergraph:
    """Builds the supernet of a space; `parts` > 1 computes on a share of the channels of each edge.

    Raises SpaceError where the space has no supernet.
    """
    raise SpaceError("space", f"must be {' or '.join(SPACES)} for a supernet, but is {space.name}")


@singledispatch
def _as_genotype(space: Space, genotype: Genotype) -> Genotype:
    """Returns what the space means by a path, where the supernet counts otherwise."""
    return genotype


@supergraph.register
def _(space: Cell201, parts: int = 1) -> Supergraph:
    members = tuple(zip(CELL_OPERATIONS, EXPANDERS, strict=True))
    builder = Builder(space.input_shape, literal=True)
    space.assemble(builder, [MixedOperation(edge, members, parts) for edge in range(len(space.decisions))])
    decisions = tuple(
        Mixed(each.name, index, tuple(range(len(each.choices))), each.choices, is_operation=True)
        for index, each in enumerate(space.decisions)
    )
    return Supergraph(space, builder.build(), decisions, {})


@supergraph.register
def _(space: Chain, parts: int = 1) -> Supergraph:
    return _ChainSupergraph(space, parts).build()


SPACES = (Cell201.name, Chain.name)


Output = tuple[str, int]  # a node and its reduction against the stem


class _ChainSupergraph:
    """Builds a chain whose widths, depths, operations and skips stand open. Stages always have a layer at least.

    Where a stage keeps the width of the one before, a pool or depthwise convolution at its beginning has a projection
    here that it would not need; but for that, a path is the network of its genotype.
    """

    def __init__(self, space: Chain, parts: int) -> None:
        self.space, self.parts = space, parts
        self.widths = space.widths or ()
        self.builder = Builder(space.input_shape, literal=True)
        self.decisions = tuple(_chain_decision(space, index) for index in range(len(space.decisions)))
        self.expanders = tuple((name, operation(name)()) for name in space.operations)

    def build(self) -> Supergraph:
        stages = range(1, (self.space.stages or 1) + 1)
        scopes = {f"stage{number}": (self.space.index[f"stage{number}.width"], self.widths) for number in stages}
        scopes["stem"] = scopes["stage1"]
        stem = self.space.stem(self.builder, self._widest(1))
        with self.builder.scope("stem"):
            end = self._masked(stem, self.space.index["stage1.width"]), 1
        # What a layer may skip back to, for every depth of the stage before it; of earlier stages, at their deepest.
        outputs = [[end]]
        depth_before = 0
        for number in stages:
            depth = self.space.index[f"stage{number}.depth"]
            depths = [int(label) for label in self.decisions[depth].labels]
            with self.builder.scope(f"stage{number}"):
                layers: list[Output] = []
                for place in range(max(depths)):
                    reachable = [[*before, *layers] for before in outputs]
                    with self.builder.scope(f"layer{place + 1}"):
                        layers.append(self._layer(number, place, reachable, depth_before))
                end = self._mixed("depth", depth, [layers[each - 1] for each in depths])
            outputs = [[*outputs[-1], *layers[: each - 1], end] for each in depths]
            depth_before = depth
        self.space.head(self.builder, end[0])
        return Supergraph(self.space, self.builder.build(), self.decisions, scopes)

    def _layer(self, number: int, place: int, reachable: list[list[Output]], depth_before: int) -> Output:
        before, reduction = reachable[0][-1]
        stride = 2 if place == 0 and number > 1 else 1
        reduction *= stride
        widest = self._widest(number)
        operation, skip = (self.space.index[f"stage{number}.layer{place + 1}.{each}"] for each in ("operation", "skip"))
        mixed = MixedOperation(operation, self.expanders, self.parts)
        terms = [mixed.expand(self.builder, before, widest, stride)]
        members: list[tuple[int, ...]] = [()]
        combinations = [_numbers(label) for label in self.decisions[skip].labels]
        for reach in sorted({reach for combination in combinations for reach in combination}):
            if reach <= max(map(len, reachable)):
                with self.builder.scope(f"skip{reach}"):
                    terms.append(self._source(reach, reachable, depth_before, (terms[0], reduction)))
                members.append(tuple(choice for choice, each in enumerate(combinations) if reach in each))
        x = terms[0] if len(terms) == 1 else self.builder.add("add", Mixture(skip, tuple(members)), *terms)
        return self._masked(x, self.space.index[f"stage{number}.width"]), reduction

    def _source(self, reach: int, reachable: list[list[Output]], depth_before: int, like: Output) -> str:
        """The output so far back; where that depends on the depth of the stage before, one for each depth."""
        sources = [outputs[-reach] if reach <= len(outputs) else None for outputs in reachable]
        if len(set(sources)) == 1 and sources[0]:
            return self._shaped(sources[0], like)
        ends = []
        for place, source in enumerate(sources):
            with self.builder.scope(f"depth{place + 1}"):
                # With some depths there is nothing so far back.
                end = self._shaped(source, like) if source else self.builder.add("zero", Zero(), like[0])
            ends.append((end, like[1]))
        return self._mixed("source", depth_before, ends)[0]

    def _shaped(self, source: Output, like: Output) -> str:
        """Stages differ in their reduction, and only outputs of one stage are added as they are."""
        name, reduction = source
        channels = self.builder.shape(like[0])[0]
        return name if reduction == like[1] else project(self.builder, name, channels, like[1] // reduction)

    def _widest(self, number: int) -> int:
        """Every other stage is wider than any choice: operations see that channels change, and have a projection."""
        return self.widths[-1] + (SPARE if len(self.widths) > 1 and number % 2 == 0 else 0)

    def _mixed(self, name: str, decision: int, ends: list[Output]) -> Output:
        if len(ends) == 1:
            return ends[0]
        members = tuple((choice,) for choice in range(len(ends)))
        return self.builder.add(name, Mixture(decision, members), *(end for end, _ in ends)), ends[0][1]

    def _masked(self, x: str, decision: int) -> str:
        if len(self.widths) == 1:
            return x
        return self.builder.add("width", WidthMask(decision, self.widths), x)


def _chain_decision(space: Chain, index: int) -> Mixed:
    """Every choice of the space, but no empty stage: what follows it would have another resolution."""
    decision = space.decisions[index]
    is_depth = decision.name.endswith(".depth")
    choices = tuple(place for place, label in enumerate(decision.choices) if not (is_depth and label == "0"))
    labels = tuple(decision.choices[place] for place in choices)
    return Mixed(decision.name, index, choices, labels, decision.name.endswith(".operation"))


def _numbers(label: str) -> tuple[int, ...]:
    return () if label == "none" else tuple(map(int, label.split("+")))


@_as_genotype.register
def _(space: Chain, genotype: Genotype) -> Genotype:
    """A supernet counts skips over all layers, a chain over outputs that differ: identities are no outputs there."""
    real, resolved, found = [0], [0], []  # distinct outputs; for each layer the one that it gives
    skips = {
        _numbers(label): place for place, label in enumerate(space.decisions[space.index["stage1.layer1.skip"]].choices)
    }
    by_index = {place: numbers for numbers, place in skips.items()}
    for number, stage in enumerate(space.read(genotype)):
        layers = []
        for place, layer in enumerate(stage.layers):
            is_identity = space.operations[layer.operation] == SKIP and (place > 0 or number == 0)
            sources = {resolved[-reach] for reach in by_index[layer.skip] if reach <= len(resolved)}
            reaches = sorted(len(real) - real.index(source) for source in sources)
            if is_identity:
                reaches = [reach for reach in reaches if reach > 1]
            layers.append(Layer(layer.operation, skips[tuple(reaches)]))
            if not is_identity or reaches:
                real.append(len(resolved))
            resolved.append(real[-1])
        found.append(Stage(stage.width, tuple(layers)))
    return space.write(found)

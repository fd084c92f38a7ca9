"""The cell space of NAS-Bench-201 (Dong and Yang 2020, arXiv 2001.00326) in its macro skeleton.

A cell has four nodes and six edges, each one of five operations; N equal cells make a stage, residual blocks with
stride 2 join the three stages. A code is six digits for the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from random import Random
from typing import ClassVar

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, AvgPool, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, MaxPool, Relu
from architectures.operations import Operation
from architectures.operations.avg_pool import AvgPool as AvgPoolOperation
from architectures.operations.conv1x1 import Conv1x1
from architectures.operations.conv3x3 import Conv3x3
from architectures.operations.none import NoConnection
from architectures.operations.skip_connect import SkipConnect
from architectures.options import option
from architectures.spaces import register
from architectures.spaces.space import Decision, Genotype, Space, SpaceError, Variation

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
OPERATIONS = ("none", "skip_connect", "conv1x1", "conv3x3", "avg_pool")
NONE, SKIP, POOL = 0, 1, 4
EXPANDERS: tuple[Operation, ...] = (
    NoConnection(),
    SkipConnect(),
    Conv1x1(activation_first=True),
    Conv3x3(activation_first=True),
    AvgPoolOperation(),
)
STAGES = 3
DRIFTS = 20  # equal codes that are tried; most of those that lead nowhere need two changes to lead somewhere
SMALLEST_SIDE = 5  # two pixels remain after two halvings


@register("cell201")
@dataclass(frozen=True, kw_only=True)
class Cell201(Space):
    name: ClassVar[str] = "cell201"
    title: ClassVar[str] = "NAS-Bench-201: one cell, repeated"

    cells: int | None = option(
        None,
        "cells per stage (published: 5); empty: by the size of the images",
        label="cells per stage",
        min=1,
        max=20,
        empty="the automatic choice",
        advanced=True,
    )
    channels: int = option(
        16, "channels of the stem (published: 16)", label="channels of the stem", min=4, max=256, advanced=True
    )
    stem_stride: int | None = option(
        None,
        "reduction of the resolution by the first layer; empty: by the size of the images",
        choices=(1, 2, 4),
        empty="the automatic choice",
        advanced=True,
    )

    def __post_init__(self) -> None:
        side = min(self.input_shape[1:])
        if self.cells is None:
            object.__setattr__(self, "cells", 1 if side <= 16 else 5)
        if self.stem_stride is None:
            object.__setattr__(self, "stem_stride", 4 if side >= 192 else 2 if side >= 96 else 1)
        if -(-side // (self.stem_stride or 1)) < SMALLEST_SIDE:
            needed = (SMALLEST_SIDE - 1) * (self.stem_stride or 1) + 1
            raise SpaceError(
                "input_shape", f"must be at least {needed}×{needed} for three stages, but has {side} pixels"
            )

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        return tuple(Decision(f"edge{start}_{end}", OPERATIONS, f"edge{start}_{end}") for start, end in EDGES)

    def canonical(self, genotype: Sequence[int]) -> Genotype:
        """The first code whose cell computes the same: without dead edges, in the first of equal orders."""
        return first_codes()[cell_key(self.checked(genotype))]

    def relevant(self, genotype: Sequence[int]) -> tuple[bool, ...]:
        """An edge that a change can revive matters too, so all do."""
        return (True,) * len(EDGES)

    def moves(self, parent: Genotype, random: Random) -> Iterable[Variation]:
        """One edge changes, in any of the codes that mean the parent.

        By single changes of the canonical code, whose dead edges are all none, hardly anything new could grow: an edge
        that changes nothing now is what a second change makes alive (neutral drift).
        """
        equal = equal_codes()[parent]
        for _ in range(DRIFTS):
            literal = random.choice(equal)
            written = f" in {code(literal)}" if literal != parent else ""
            for move in super().moves(literal, random):
                yield Variation(move.genotype, move.change + written)

    def decode(self, genotype: Sequence[int], prune: bool = True) -> Graph:
        edges = self.canonical(genotype) if prune else self.checked(genotype)
        builder = Builder(self.input_shape, literal=not prune)
        self.assemble(builder, [EXPANDERS[operation] for operation in edges])
        return builder.build()

    def assemble(self, builder: Builder, edges: Sequence[Operation]) -> None:
        """The skeleton with a cell of these six operations; a supernet's are mixed ones."""
        x = self._stem(builder)
        for stage in range(STAGES):
            channels = self.channels * 2**stage
            if stage:
                with builder.scope(f"reduction{stage}"):
                    x = _reduction(builder, x, channels)
            with builder.scope(f"stage{stage + 1}"):
                for cell in range(self.cells or 1):
                    with builder.scope(f"cell{cell + 1}"):
                        x = _cell(builder, x, edges, channels)
        with builder.scope("head"):
            x = builder.add("norm", BatchNorm(), x)
            x = builder.add("activation", Relu(), x)
            x = builder.add("pool", GlobalAvgPool(), x)
            x = builder.add("flatten", Flatten(), x)
            builder.add("linear", Linear(self.classes), x)

    def _stem(self, builder: Builder) -> str:
        with builder.scope("stem"):
            x = builder.add("conv", Conv2d(self.channels, stride=min(2, self.stem_stride or 1)), "input")
            x = builder.add("norm", BatchNorm(), x)
            return builder.add("pool", MaxPool(stride=2), x) if self.stem_stride == 4 else x

    def describe(self, genotype: Sequence[int]) -> str:
        """ "|conv3x3~0|+|none~0|skip_connect~1|+|…|", the notation of the paper."""
        code = self.checked(genotype)
        parts: dict[int, list[str]] = {}
        for (start, end), operation in zip(EDGES, code, strict=True):
            parts.setdefault(end, []).append(f"{OPERATIONS[operation]}~{start}")
        return "+".join(f"|{'|'.join(edges)}|" for edges in parts.values())


def _cell(builder: Builder, x: str, edges: Sequence[Operation], channels: int) -> str:
    sums = [x]
    for node in (1, 2, 3):
        terms = []
        for (start, end), operation in zip(EDGES, edges, strict=True):
            if end == node:
                with builder.scope(f"edge{start}_{end}"):
                    terms.append(operation.expand(builder, sums[start], channels, stride=1))
        with builder.scope(f"node{node}"):
            sums.append(builder.add("add", Add(), *terms) if len(terms) > 1 else terms[0])
    return sums[-1]


def _reduction(builder: Builder, x: str, channels: int) -> str:
    """A residual block with stride 2; its shortcut is a mean pool and a 1×1 convolution."""
    with builder.scope("first"):
        y = Conv3x3(activation_first=True).expand(builder, x, channels, stride=2)
    with builder.scope("second"):
        y = Conv3x3(activation_first=True).expand(builder, y, channels, stride=1)
    with builder.scope("shortcut"):
        _, height, width = builder.shape(x)
        # Published for even sides; an odd one needs a padded window to meet the convolution's side.
        is_even = height % 2 == 0 and width % 2 == 0
        pool = AvgPool(kernel=2, stride=2, padding=0) if is_even else AvgPool(kernel=3, stride=2, padding=1)
        x = builder.add("pool", pool, x)
        x = builder.add("conv", Conv2d(channels, kernel=1, padding=0), x)
    return builder.add("add", Add(), y, x)


def code(genotype: Sequence[int]) -> str:
    """Six digits, as published tables index cells."""
    return "".join(map(str, genotype))


@cache
def equal_codes() -> dict[Genotype, list[Genotype]]:
    """Lists, for each canonical code, all codes that mean the same cell."""
    found: dict[Genotype, list[Genotype]] = {first: [] for first in first_codes().values()}
    for genotype in product(range(len(OPERATIONS)), repeat=len(EDGES)):
        found[first_codes()[cell_key(genotype)]].append(genotype)
    return found


@cache
def first_codes() -> dict[object, Genotype]:
    """Returns the first code of each distinct cell; takes 0.3 s, once."""
    found: dict[object, Genotype] = {}
    for genotype in product(range(len(OPERATIONS)), repeat=len(EDGES)):
        found.setdefault(cell_key(genotype), genotype)
    return found


def cell_key(genotype: Genotype) -> object:
    """Equal for codes whose cells compute the same with the same parameters.

    Nodes are flattened into the operations that they sum; pools, which have no parameters, are merged where their
    input is the same. Each operation is then known by what it computes from and by what reads it.
    """
    sums, inputs = _operations(genotype)
    if not sums[3]:
        return "disconnected"
    above: dict[object, object] = {"input": 0}
    for vertex, (operation, terms) in inputs.items():
        above[vertex] = (operation, tuple(sorted((above[term] for term in terms), key=repr)))
    readers: dict[object, list[object]] = {vertex: [] for vertex in above}
    for term in sums[3]:
        readers[term].append("output")
    colours = []
    for vertex, (_, terms) in reversed(inputs.items()):
        if readers[vertex]:
            colour = (above[vertex], tuple(sorted(readers[vertex], key=repr)))
            colours.append(colour)
            for term in terms:
                readers[term].append(colour)
    return tuple(sorted(map(repr, colours))), repr(sorted(readers["input"], key=repr))


def _operations(genotype: Genotype) -> tuple[list[list[object]], dict[object, tuple[int, list[object]]]]:
    """Returns the operations that each node sums and, for each operation, its kind and the sum that it reads."""
    sums: list[list[object]] = [["input"], [], [], []]
    inputs: dict[object, tuple[int, list[object]]] = {}
    for edge, operation in zip(EDGES, genotype, strict=True):
        terms = sums[edge[0]]
        if operation == NONE or not terms:
            continue
        if operation == SKIP:
            sums[edge[1]] += terms
            continue
        vertex: object = ("pool", *sorted(map(repr, terms))) if operation == POOL else edge
        inputs.setdefault(vertex, (operation, terms))
        sums[edge[1]].append(vertex)
    return sums, inputs

"""What is drawn as one block: the nodes of a scope; and how the blocks of two graphs correspond."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby

from architectures.drawing.words import family, headline
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Shape

MANY = 24  # blocks, from which on equal neighbours are drawn once


@dataclass(frozen=True)
class Link:
    """From one block to another. A skip joins the block after its beginning; a projected one by a convolution."""

    source: int
    target: int
    is_skip: bool
    is_projected: bool


@dataclass(frozen=True)
class Block:
    name: str
    nodes: tuple[Node, ...]
    label: str
    repeats: int = 0  # how many equal scopes this block stands for, if it is a fold

    @property
    def scopes(self) -> tuple[str, ...]:
        """The boxes round it, outermost first."""
        parts = self.name.split(".")[:-1]
        return tuple(".".join(parts[: index + 1]) for index in range(len(parts)))

    @property
    def main(self) -> tuple[Node, ...]:
        """The nodes without those of scopes inside (projections, squeeze and excitation)."""
        own = tuple(node for node in self.nodes if node.scope == self.name)
        return own if any(family(node.primitive) in ("conv", "pool") for node in own) else self.nodes

    @property
    def shape(self) -> Shape:
        return self.nodes[-1].shape


def blocks_of(graph: Graph) -> tuple[Block, ...]:
    """Runs of nodes in the outermost scope that holds nodes itself; scopes inside it belong to it."""
    holders = {node.scope for node in graph.nodes}
    runs = groupby(graph.nodes, key=lambda node: _holder(node, holders))
    return tuple(Block(name, tuple(run), "") for name, run in runs)


def labelled(blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(block if block.label else replace(block, label=headline(block.main)) for block in blocks)


def folded(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Of neighbouring equal scopes of several blocks (cells) only the first is kept whole."""
    if len(blocks) <= MANY:
        return blocks
    signatures = _signatures(blocks)
    groups = [list(run) for _, run in groupby(range(len(blocks)), key=lambda index: blocks[index].scopes[-1:])]
    found: list[Block] = []
    previous: object = None
    for group in groups:
        members = [blocks[index] for index in group]
        signature = (len(members[0].scopes), tuple(signatures[index] for index in group))
        if signature != previous or not members[0].scopes:
            found += members
        elif found[-1].repeats:
            last = found.pop()
            found.append(_fold([last, *members], last.repeats + 1, last.name.partition(" ")[0]))
        else:
            found.append(_fold(members, 1, members[0].scopes[-1]))
        previous = signature
    return tuple(found)


def links_of(blocks: tuple[Block, ...]) -> tuple[Link, ...]:
    home = {node.name: index for index, block in enumerate(blocks) for node in block.nodes}
    found: dict[tuple[int, int, bool], Link] = {}
    for target, block in enumerate(blocks):
        for node in block.nodes:
            for place, name in enumerate(node.inputs):
                source = home[name]
                is_skip = not block.repeats and (
                    node is not block.nodes[0] or (node.primitive.commutative and place > 0)
                )
                if source != target:
                    is_projected = is_skip and node.primitive.kind == "Conv2d"
                    found.setdefault((source, target, is_skip), Link(source, target, is_skip, is_projected))
    return tuple(found.values())


@dataclass(frozen=True)
class Difference:
    """For each block of the new graph "", "changed" or "added"; and what stood before a block and is gone."""

    marks: tuple[str, ...]
    gone: dict[int, tuple[Block, ...]]


def difference(old: tuple[Block, ...], new: tuple[Block, ...]) -> Difference:
    """Blocks correspond by what they compute and read, in order, not by name: an inserted layer renames the later."""
    marks = [""] * len(new)
    gone: dict[int, tuple[Block, ...]] = {}
    matcher = SequenceMatcher(None, _signatures(old), _signatures(new), autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            continue
        both = min(old_to - old_from, new_to - new_from)
        marks[new_from:new_to] = ["changed"] * both + ["added"] * (new_to - new_from - both)
        if old_from + both < old_to:
            gone[new_from + both] = old[old_from + both : old_to]
    return Difference(tuple(marks), gone)


def _signatures(blocks: tuple[Block, ...]) -> list[object]:
    home = {node.name: index for index, block in enumerate(blocks) for node in block.nodes}
    return [
        tuple(
            (node.primitive.kind, node.primitive, node.shape, tuple(index - home[name] for name in node.inputs))
            for node in block.nodes
        )
        for index, block in enumerate(blocks)
    ]


def _holder(node: Node, holders: set[str]) -> str:
    parts = node.name.split(".")
    for depth in range(1, len(parts)):
        scope = ".".join(parts[:depth])
        if scope in holders:
            return scope
    return node.name


def _fold(members: list[Block], repeats: int, scope: str) -> Block:
    nodes = tuple(node for block in members for node in block.nodes)
    last = members[-1].scopes[-1] if members[-1].scopes else scope
    name = scope if last == scope else f"{scope} … {last.rpartition('.')[2]}"
    return Block(name, nodes, f"{repeats} more like it" if repeats > 1 else "another like it", repeats)

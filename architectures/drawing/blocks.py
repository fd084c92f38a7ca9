"""What is drawn as one block: the nodes of a scope; and how the blocks of two graphs correspond."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby

from architectures.drawing.words import family, headline
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Shape

MANY = 24  # blocks, from which on equal neighbours are drawn once


@dataclass(frozen=True)
class Link:
    """Joins two blocks. A skip joins the block after its beginning; a projected one by a convolution."""

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
    """Keeps only the first of neighbouring equal scopes of several blocks (cells) whole."""
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
    """Marks each block of the new graph "", "changed" or "added", and keeps what stood before a block and is gone."""

    marks: tuple[str, ...]
    gone: dict[int, tuple[Block, ...]]


def difference(old: tuple[Block, ...], new: tuple[Block, ...]) -> Difference:
    """Blocks correspond by what they compute and read, in order, not by name: an inserted layer renames the later.

    What is left then corresponds by its kinds of nodes: a classifier with more inputs is changed, not gone and added.
    """
    marks = [""] * len(new)
    gone: dict[int, tuple[Block, ...]] = {}
    for _, old_run, new_run in _unequal(_signatures(old), _signatures(new)):
        kinds = [[_kinds(block) for block in blocks] for blocks in (old[old_run], new[new_run])]
        marks[new_run] = ["changed"] * len(kinds[1])
        for both, old_part, new_part in _unequal(*kinds):
            first, last = new_run.start + new_part.start, new_run.start + new_part.stop
            marks[first + both : last] = ["added"] * (last - first - both)
            left = old[old_run.start + old_part.start + both : old_run.start + old_part.stop]
            if left:
                gone[first + both] = left
    return Difference(tuple(marks), gone)


def _unequal(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, slice, slice]]:
    """Runs that differ: how many correspond by their place alone, where they stand in the old and in the new."""
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield min(old_to - old_from, new_to - new_from), slice(old_from, old_to), slice(new_from, new_to)


def _kinds(block: Block) -> tuple[str, ...]:
    return tuple(node.primitive.kind for node in block.nodes)


def _signatures(blocks: tuple[Block, ...]) -> list[Hashable]:
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

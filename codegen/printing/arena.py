"""A static arena: each value of a network gets an offset for as long as it is read, so that few bytes hold them all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from random import Random
from typing import NamedTuple

from architectures.ir.graph import Graph, Node

ORDERS = 300  # of placing, at most: milliseconds


@dataclass(frozen=True)
class Arena:
    """Offsets in values, by node; nodes that share a buffer have one offset. `owner` names whose buffer a node uses."""

    offsets: Mapping[str, int]
    owner: Mapping[str, str]
    size: int


class Span(NamedTuple):
    """A buffer: its owner, how many values it holds, and the nodes that it lives from and to."""

    name: str
    size: int
    begins: int
    ends: int

    def meets(self, other: "Span") -> bool:
        return self.begins <= other.ends and other.begins <= self.ends


def plan(graph: Graph, outside: Mapping[str, str], reuses: Callable[[Node], str | None]) -> Arena:
    """Plans an arena as small as the most values that live at once, wherever an order of placing reaches that.

    Values in `outside` have storage elsewhere. `reuses` names the input whose buffer a node may take over: it does so
    if it is the last reader.
    """
    owner = owners(graph, outside, reuses)
    last = last_reads(graph, owner)
    spans = [
        Span(node.name, prod(node.shape), index, max(index, last[node.name]))
        for index, node in enumerate(graph.nodes)
        if owner[node.name] == node.name and node.name not in outside
    ]
    offsets, size = packed(spans)
    return Arena({n.name: offsets[owner[n.name]] for n in graph.nodes if owner[n.name] in offsets}, owner, size)


def packed(spans: Sequence[Span]) -> tuple[dict[str, int], int]:
    """First fit in the network's order, by size, then in orders near those two; equal networks give equal offsets."""
    least = max((sum(each.size for each in spans if each.meets(now)) for now in starts(spans)), default=0)
    best, most = first_fit(spans)
    for attempt in range(1, ORDERS):
        if most == least:
            break
        draw = Random(attempt)
        by_size = sorted(spans, key=lambda each: -each.size * draw.uniform(attempt == 1 or 0.3, 1))
        near = sorted(spans, key=lambda each: each.begins + draw.uniform(0, 6))
        found, needed = first_fit(by_size if attempt % 2 else near)
        if needed < most:
            best, most = found, needed
    return best, most


def starts(spans: Sequence[Span]) -> Iterator[Span]:
    """Each moment at which a buffer begins; the most are alive at one of them."""
    return (Span(each.name, 0, each.begins, each.begins) for each in spans)


def first_fit(spans: Sequence[Span]) -> tuple[dict[str, int], int]:
    placed: list[tuple[int, Span]] = []
    for span in spans:
        taken = sorted((offset, other.size) for offset, other in placed if other.meets(span))
        placed.append((first_gap(taken, span.size), span))
    return {span.name: offset for offset, span in placed}, max((at + each.size for at, each in placed), default=0)


def owners(graph: Graph, outside: Mapping[str, str], reuses: Callable[[Node], str | None]) -> dict[str, str]:
    owner: dict[str, str] = {}
    for node in graph.nodes:
        taken = reuses(node)
        free = taken is not None and node.name not in outside and owner[taken] not in outside
        owner[node.name] = (
            owner[taken] if taken is not None and free and is_last_read(graph, owner, taken, node) else node.name
        )
    return owner


def is_last_read(graph: Graph, owner: Mapping[str, str], taken: str, node: Node) -> bool:
    """Returns whether nobody reads the buffer of `taken` after this node."""
    sharing = [name for name, holder in owner.items() if holder == owner[taken]]
    after = graph.nodes[[each.name for each in graph.nodes].index(node.name) + 1 :]
    return not any(name in each.inputs for each in after for name in sharing)


def last_reads(graph: Graph, owner: Mapping[str, str]) -> dict[str, int]:
    """Returns, for each buffer, the position of the node that reads it last."""
    last: dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        last[owner[node.name]] = max(index, last.get(owner[node.name], 0))
        for name in node.inputs:
            last[owner[name]] = index
    return last


def first_gap(taken: list[tuple[int, int]], size: int) -> int:
    offset = 0
    for start, length in taken:
        if offset + size <= start:
            return offset
        offset = max(offset, start + length)
    return offset

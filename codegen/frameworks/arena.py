"""A static arena: each value of a network gets an offset for as long as it is read, so that few bytes hold them all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from architectures.ir.graph import Graph, Node


@dataclass(frozen=True)
class Arena:
    """Offsets in values, by node; nodes that share a buffer have one offset. `owner` names whose buffer a node uses."""

    offsets: Mapping[str, int]
    owner: Mapping[str, str]
    size: int


def plan(graph: Graph, outside: Mapping[str, str], reuses: Callable[[Node], str | None]) -> Arena:
    """First fit in the order of the network.

    Values in `outside` have storage elsewhere. `reuses` names the input whose buffer a node may take over: it does so
    if it is the last reader.
    """
    owner = owners(graph, outside, reuses)
    last = last_reads(graph, owner)
    live: dict[str, tuple[int, int]] = {}  # owner: offset and size
    offsets: dict[str, int] = {}
    most = 0
    for index, node in enumerate(graph.nodes):
        holder = owner[node.name]
        if holder == node.name and node.name not in outside:
            offsets[holder] = first_gap(sorted(live.values()), prod(node.shape))
            live[holder] = (offsets[holder], prod(node.shape))
            most = max(most, offsets[holder] + prod(node.shape))
        live = {name: place for name, place in live.items() if last[name] > index}
    return Arena({n.name: offsets[owner[n.name]] for n in graph.nodes if owner[n.name] in offsets}, owner, most)


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
    """Whether nobody reads the buffer of `taken` after this node."""
    sharing = [name for name, holder in owner.items() if holder == owner[taken]]
    after = graph.nodes[[each.name for each in graph.nodes].index(node.name) + 1 :]
    return not any(name in each.inputs for each in after for name in sharing)


def last_reads(graph: Graph, owner: Mapping[str, str]) -> dict[str, int]:
    """For each buffer, the position of the node that reads it last."""
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

"""Drops what does not change a network's output: identities, branches of zeros, nodes that nobody reads."""

from __future__ import annotations

from dataclasses import replace

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Conv2d,
    GlobalAvgPool,
    HardSwish,
    Identity,
    MaxPool,
    Multiply,
    Relu,
    Relu6,
    Zero,
)

# Of zeros these make zeros. (Batch norm adds a learnt constant there: it carries nothing of the input, and is dropped
# too, as NAS-Bench-201 does when it counts its distinct cells.)
_KEEPS_ZERO = (AvgPool, BatchNorm, Conv2d, GlobalAvgPool, HardSwish, Identity, MaxPool, Multiply, Relu, Relu6, Zero)


def prune(graph: Graph) -> Graph:
    """The same function with fewer nodes; a graph without anything to drop is returned as it is."""
    nodes = graph.nodes
    if any(type(node.primitive) in (Identity, Zero) for node in nodes):
        return _live(_short(nodes, _zeros(nodes)))
    read = {name for node in nodes for name in node.inputs}
    if len(read) == len(nodes) - 1:
        return graph
    return _live(nodes)


def _zeros(nodes: tuple[Node, ...]) -> set[str]:
    """Names of nodes that carry nothing of the input; only the Zero nodes if that were true of the whole network."""
    zeros: set[str] = set()
    for node in nodes[1:]:
        dead = [name in zeros for name in node.inputs]
        is_zero = isinstance(node.primitive, Zero)
        if isinstance(node.primitive, Add):
            is_zero = all(dead)
        elif any(dead) and isinstance(node.primitive, _KEEPS_ZERO) and not getattr(node.primitive, "bias", False):
            is_zero = True
        elif any(dead):
            return {each.name for each in nodes if isinstance(each.primitive, Zero)}
        if is_zero:
            zeros.add(node.name)
    return zeros


def _short(nodes: tuple[Node, ...], zeros: set[str]) -> tuple[Node, ...]:
    """Rewires round identities, and round additions that are left with one input."""
    stands_for: dict[str, str] = {}
    kept: list[Node] = []
    for node in nodes:
        inputs = tuple(stands_for.get(name, name) for name in node.inputs)
        if isinstance(node.primitive, Add):
            inputs = tuple(name for name in inputs if name not in zeros) or inputs[:1]
        if type(node.primitive) is Identity or (isinstance(node.primitive, Add) and len(inputs) == 1):
            stands_for[node.name] = inputs[0]
        else:
            kept.append(node if inputs == node.inputs else replace(node, inputs=inputs))
    last = nodes[-1].name
    if last in stands_for:
        return tuple(kept[: 1 + [node.name for node in kept].index(stands_for[last])])
    return tuple(kept)


def _live(nodes: tuple[Node, ...]) -> Graph:
    needed = {nodes[0].name, nodes[-1].name}
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return Graph(tuple(node for node in nodes if node.name in needed))

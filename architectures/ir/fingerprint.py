"""The fingerprint: a network has one, however its nodes are named, ordered or padded with dead branches."""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import lru_cache
from hashlib import sha256

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Add, Primitive
from architectures.ir.prune import prune

LENGTH = 32


def fingerprint(graph: Graph) -> str:
    """Each node of the pruned graph is coloured by what it computes from (upwards) and what reads it (downwards).

    Two separate convolutions and one that is read twice compute alike but are not the same network: the colours of all
    nodes are counted, not only that of the output.
    """
    nodes = _merged(prune(graph).nodes)
    above: dict[str, bytes] = {}
    for node in nodes:
        inputs = [above[name] for name in node.inputs]
        if node.primitive.commutative:
            inputs.sort()
        above[node.name] = sha256(_label(node.primitive) + b"".join(inputs)).digest()
    readers: dict[str, list[bytes]] = {node.name: [] for node in nodes}
    colours = []
    for node in reversed(nodes):
        colour = sha256(above[node.name] + b"".join(sorted(readers[node.name]))).digest()
        colours.append(colour)
        for position, name in enumerate(node.inputs):
            readers[name].append(colour if node.primitive.commutative else colour + bytes((position % 256,)))
    return sha256(b"".join(sorted(colours))).hexdigest()[:LENGTH]


def _merged(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Sums of sums as one sum, and what has no parameters once for the same inputs."""
    terms: dict[str, tuple[str, ...]] = {}
    first: dict[object, str] = {}
    stands_for: dict[str, str] = {}
    found: dict[str, Node] = {}
    for node in nodes:
        inputs = tuple([stands_for[name] for name in node.inputs])
        if isinstance(node.primitive, Add):
            inputs = terms[node.name] = tuple(sorted([each for name in inputs for each in terms.get(name, (name,))]))
        key: object = (node.primitive.kind, node.primitive, inputs)
        if node.primitive.params((*[found[name].shape for name in inputs], (1,))):
            key = node.name
        stands_for[node.name] = name = first.setdefault(key, node.name)
        if name == node.name:
            found[name] = node if inputs == node.inputs else replace(node, inputs=inputs)
    needed = {stands_for[nodes[-1].name], nodes[0].name}
    for node in reversed(found.values()):
        if node.name in needed:
            needed.update(node.inputs)
    return tuple([node for node in found.values() if node.name in needed])


@lru_cache(maxsize=1 << 14)
def _label(primitive: Primitive) -> bytes:
    return repr((primitive.kind, astuple(primitive))).encode()  # type: ignore[call-overload]

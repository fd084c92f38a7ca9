"""The fingerprint: a network has one, however its nodes are named, ordered or padded with dead branches."""

from __future__ import annotations

from dataclasses import astuple
from functools import lru_cache
from hashlib import sha256

from architectures.ir.graph import Graph
from architectures.ir.primitives import Primitive
from architectures.ir.prune import prune

LENGTH = 32


def fingerprint(graph: Graph) -> str:
    """Each node of the pruned graph is coloured by what it computes from (upwards) and what reads it (downwards).

    Two separate convolutions and one that is read twice compute alike but are not the same network: the colours of all
    nodes are counted, not only that of the output.
    """
    nodes = prune(graph).nodes
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


@lru_cache(maxsize=1 << 14)
def _label(primitive: Primitive) -> bytes:
    return repr((primitive.kind, astuple(primitive))).encode()  # type: ignore[call-overload]

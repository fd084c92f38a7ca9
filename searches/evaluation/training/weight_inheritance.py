"""Weights that a child takes over from its parent: the layers that both have, found by shape and position.

Names do not help: a layer that evolution inserts moves all later ones. So the two lists of layers are aligned as two
texts are in a diff, each layer standing for its kind and the shapes of its weights.
"""

from collections.abc import Mapping
from difflib import SequenceMatcher

import torch
from torch import Tensor, nn

from architectures.ir.graph import Graph

Signature = tuple[object, ...]


def shared_layers(child: Graph, parent: Graph) -> dict[str, str]:
    """Names of the child's layers with weights, to the parent's layers that they can take them from."""
    mine, theirs = layers(child), layers(parent)
    matcher = SequenceMatcher(a=[each for _, each in theirs], b=[each for _, each in mine], autojunk=False)
    return {
        mine[block.b + offset][0]: theirs[block.a + offset][0]
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }


def layers(graph: Graph) -> list[tuple[str, Signature]]:
    """Lists layers in the graph's order; equal signatures have weights of equal shapes and the same use for them."""
    found: list[tuple[str, Signature]] = []
    for node, facts in zip(graph.nodes, graph.facts, strict=True):
        if facts.stored:
            taken = tuple(graph.by_name[name].shape[0] for name in node.inputs)
            found.append((node.name, (node.primitive, taken)))
    return found


@torch.no_grad()
def inherit(module: nn.Module, child: Graph, parent: Graph, weights: Mapping[str, Tensor]) -> float:
    """Copies weights of the parent, each of its own shape, into ``module``, in place.

    Returns the share of the child's parameters that were taken over.
    """
    state = module.state_dict()
    for mine, theirs in shared_layers(child, parent).items():
        for name in [name for name in state if name.rpartition(".")[0] == mine]:
            state[name].copy_(weights[f"{theirs}.{name.rpartition('.')[2]}"])
    taken = set(shared_layers(child, parent))
    counts = {name: parameter.numel() for name, parameter in module.named_parameters()}
    copied = sum(count for name, count in counts.items() if name.rpartition(".")[0] in taken)
    return copied / max(1, sum(counts.values()))

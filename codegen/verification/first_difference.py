"""Finds where an export begins to differ: the network's value at each node is looked for among the export's."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from architectures.ir.graph import Graph

if TYPE_CHECKING:
    from torch import nn

Array = Any  # of NumPy, which this process need not have loaded
Close = Callable[[Array, Array], bool]  # of the expected values and others of the same shape
TOLERANCE = 1e-4  # times the scale of a node's values, as for logits
QUANTISED = 0.1  # of a node's root mean square: what int8 may be off by


def is_close(expected: Array, found: Array) -> bool:
    """Returns whether arrays of the same shape differ by at most TOLERANCE of the largest expected value (or of 1)."""
    return bool(abs(expected - found).max() <= TOLERANCE * max(1.0, float(abs(expected).max())))


def is_roughly_close(expected: Array, found: Array) -> bool:
    """Returns whether two arrays of the same shape differ by at most QUANTISED in relative root mean square."""
    error = float(((expected - found) ** 2).mean() ** 0.5)
    return error <= QUANTISED * max(1e-6, float((expected**2).mean() ** 0.5))


def node_values(reference: "nn.Module", graph: Graph, images: Array) -> dict[str, Array]:
    """Returns each node's value for images (N, C, H, W), by name: (N, C, H, W) or (N, features)."""
    import torch

    found: dict[str, Array] = {}
    hooks = [
        reference.get_submodule(node.name).register_forward_hook(
            # A copy: a sum may go on in place.
            lambda module, given, value, name=node.name: found.__setitem__(name, value.detach().numpy().copy())
        )
        for node in graph.nodes[1:]
    ]
    with torch.inference_mode():
        reference(torch.from_numpy(images))
    for hook in hooks:
        hook.remove()
    return found


def first_difference(
    graph: Graph, expected: Mapping[str, Array], values: Iterable[Array], close: Close = is_close
) -> str:
    """Names the first node from which on nothing agrees; empty where all does.

    Values are (N, C, H, W), (N, H, W, C) or (N, features). An export may hold no value for a node (a convolution and
    its batch norm became one step): such a node agrees where a reader of it does.
    """
    by_shape: dict[tuple[int, ...], list[Array]] = {}
    for value in values:
        for each in (value, value.transpose(0, 3, 1, 2)) if value.ndim == 4 else (value,):  # channels may stand last
            by_shape.setdefault(each.shape, []).append(each)
    agrees: dict[str, bool] = {}
    for node in reversed(graph.nodes[1:]):
        here = any(close(expected[node.name], each) for each in by_shape.get(expected[node.name].shape, ()))
        agrees[node.name] = here or any(agrees[reader.name] for reader in graph.consumers(node.name))
    return next((node.name for node in graph.nodes[1:] if not agrees[node.name]), "")

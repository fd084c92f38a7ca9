"""Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174): a long graph keeps only what crosses its segments.

The backward pass computes a segment's values again, and a batch norm then sees each batch twice; with the momentum of
`once_of_two` its running statistics end where one pass would have left them.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from architectures.ir.complexity import BYTES, Complexity
from architectures.ir.graph import Graph
from architectures.nets.module import GraphModule

GRADIENTS = 2  # in flight at once while a segment is passed backwards


@dataclass(frozen=True)
class Segment:
    """Nodes from ``start`` to before ``end``; the values that come in from before and that are read behind."""

    start: int
    end: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def segments(graph: Graph) -> tuple[Segment, ...]:
    """About as many as the square root of the nodes: what crosses them and what is inside one are then balanced."""
    count = len(graph.nodes)
    length = max(2, math.isqrt(count))
    bounds = [*range(1, count, length), count]
    return tuple(segment(graph, start, end) for start, end in pairwise(bounds))


def segment(graph: Graph, start: int, end: int) -> Segment:
    inside = {node.name for node in graph.nodes[start:end]}
    taken = dict.fromkeys(name for node in graph.nodes[start:end] for name in node.inputs if name not in inside)
    behind = {name for node in graph.nodes[end:] for name in node.inputs}
    left = [node.name for node in graph.nodes[start:end] if node.name in behind or node is graph.output]
    return Segment(start, end, tuple(taken), tuple(left))


def training_bytes(graph: Graph, counted: Complexity) -> int:
    """An estimate for one image: all that crosses segments, the largest segment, and gradients on their way.

    On the high side: torch's profiler saw from 0.6 to 0.85 of it over networks of all spaces, counted without
    segments 1.4 to 4.5 times as much.
    """
    sizes = {node.name: node.output_bytes for node in counted.nodes}
    parts = segments(graph)
    crossing = sum(sizes[name] for part in parts for name in part.outputs) + BYTES * math.prod(graph.input_shape)
    largest = max(sum(sizes[node.name] for node in graph.nodes[part.start : part.end]) for part in parts)
    return crossing + largest + GRADIENTS * max(sizes.values())


class Checkpointed(nn.Module):
    """Runs a built network segment by segment; its weights are the network's own."""

    def __init__(self, module: GraphModule, graph: Graph) -> None:
        super().__init__()
        self.module = module
        self.graph = graph
        self.parts = segments(graph)
        self.layers = {name: layer for name, layer, _, _ in module._steps}

    def forward(self, images: Tensor) -> Tensor:  # (N, C, H, W) -> (N, classes)
        """Returns logits (N, classes) for images (N, C, H, W)."""
        values = {self.graph.nodes[0].name: images}
        for number, part in enumerate(self.parts):
            needed = {name for later in self.parts[number:] for name in later.inputs}
            values = {name: value for name, value in values.items() if name in needed}
            taken = [values[name] for name in part.inputs]
            with set_checkpoint_early_stop(False):  # each batch norm is passed exactly twice
                left = checkpoint(self.run, part, *taken, use_reentrant=False)
            values |= dict(zip(part.outputs, left, strict=True))
        return values[self.graph.output.name]

    def run(self, part: Segment, *taken: Tensor) -> Sequence[Tensor]:
        """Runs a segment on its inputs, (N, C, H, W) or (N, features), and returns its outputs."""
        values = dict(zip(part.inputs, taken, strict=True))
        for node in self.graph.nodes[part.start : part.end]:
            values[node.name] = self.layers[node.name](*[values[name] for name in node.inputs])
        return [values[name] for name in part.outputs]


@contextmanager
def once_of_two(module: nn.Module) -> Iterator[None]:
    """Two updates with one batch move the running statistics as far as one with the norms' own momentum."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d) and layer.momentum is not None]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1 - math.sqrt(1 - (norm.momentum or 0.0))
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

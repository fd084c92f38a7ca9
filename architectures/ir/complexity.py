"""What a network costs, counted on the graph: float32, batch 1.

Peak memory is liveness over the graph's order. In inference a value lives until its last reader has run. In training
it lives while the backward pass needs it, beside the gradients in flight; weights, their gradients and the optimiser's
state are not activations and are counted by `weight_bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from architectures.ir.graph import Graph

BYTES = 4  # of a float32


class NodeComplexity(NamedTuple):
    """The share of one node."""

    name: str
    params: int
    macs: int
    bytes_moved: int
    output_bytes: int

    @property
    def flops(self) -> int:
        return 2 * self.macs


@dataclass(frozen=True)
class Complexity:
    """The figures of a graph; `flops = 2 * macs`, macs being those of convolutions and linear layers."""

    params: int
    macs: int
    bytes_moved: int
    weight_bytes: int  # parameters and running statistics
    activation_peak_bytes: int
    training_peak_bytes: int
    nodes: tuple[NodeComplexity, ...]

    @property
    def flops(self) -> int:
        return 2 * self.macs

    @cached_property
    def by_name(self) -> dict[str, NodeComplexity]:
        return {node.name: node for node in self.nodes}


def complexity(graph: Graph) -> Complexity:
    every = graph.facts
    ends = _last_readers(graph)
    return Complexity(
        params=sum([each.params for each in every]),
        macs=sum([each.macs for each in every]),
        bytes_moved=BYTES * sum([each.moved for each in every]),
        weight_bytes=BYTES * sum([each.stored for each in every]),
        activation_peak_bytes=BYTES * _inference_peak(graph, ends),
        training_peak_bytes=_training_peak(graph, ends),
        nodes=tuple(
            [
                NodeComplexity(node.name, each.params, each.macs, BYTES * each.moved, BYTES * each.size)
                for node, each in zip(graph.nodes, every, strict=True)
            ]
        ),
    )


def _last_readers(graph: Graph) -> list[list[int]]:
    """Returns, for each position, the positions of the values that are read there for the last time."""
    last = list(range(len(graph.nodes)))
    for index, sources in enumerate(graph.inputs):
        for source in sources:
            last[source] = index
    ends: list[list[int]] = [[] for _ in graph.nodes]
    for value, reader in enumerate(last[:-1]):
        ends[reader].append(value)
    return ends


def _inference_peak(graph: Graph, ends: list[list[int]]) -> int:
    """Values alive at once at the worst moment. A view (flatten) takes its input's memory over."""
    live = peak = 0
    sizes = [each.size for each in graph.facts]
    for index, node in enumerate(graph.nodes):
        is_view = index > 0 and not node.primitive.moves_bytes
        if not is_view:
            live += sizes[index]
            if live > peak:
                peak = live
        for value in ends[index]:
            live -= sizes[value]
        if is_view:
            live += sizes[index]
    return peak


def _training_peak(graph: Graph, ends: list[list[int]]) -> int:
    """Returns what the forward pass leaves for the backward pass, and then the gradients on their way back."""
    sizes = [BYTES * each.size for each in graph.facts]
    extra = [
        node.primitive.saved_bytes_per_output * each.size for node, each in zip(graph.nodes, graph.facts, strict=True)
    ]
    savers = _first_savers(graph)
    frees: list[list[int]] = [[] for _ in sizes]
    live = peak = 0
    for index, ended in enumerate(ends):
        live += sizes[index] + extra[index]
        if live > peak:
            peak = live
        for value in ended:
            if savers[value] < 0:
                live -= sizes[value]
        if savers[index] >= 0:
            frees[savers[index]].append(index)
    freed = [extra[index] + sum([sizes[value] for value in values]) for index, values in enumerate(frees)]
    return max(peak, _backward_peak(graph, sizes, freed, live))


def _backward_peak(graph: Graph, sizes: list[int], freed: list[int], live: int) -> int:
    """A gradient is a buffer. A sum passes its own on to all its inputs; two for one value are added in place, unless
    both are shared. The loss's gradient takes the output's place."""
    last = len(sizes) - 1
    peak, buffers = 0, last + 1
    gradient, holders = {last: last}, {last: 1}  # value: buffer, buffer: how many hold it
    for index in range(last, 0, -1):
        if index in gradient:
            own = gradient.pop(index)
            arriving = []
            for value in graph.inputs[index]:
                if value == 0:  # images need no gradient
                    continue
                if graph.nodes[index].primitive.passes_gradient:
                    holders[own] += 1
                    arriving.append((value, own))
                else:
                    live += sizes[value]
                    holders[buffers] = 1
                    arriving.append((value, buffers))
                    buffers += 1
            peak = max(peak, live)
            holders[own] -= 1
            if not holders[own]:
                live -= sizes[index]
            for value, new in arriving:
                old = gradient.setdefault(value, new)
                if old == new:
                    continue
                if holders[old] == 1:
                    kept, dropped = old, new
                elif holders[new] == 1:
                    kept, dropped = new, old
                else:  # both are shared: their sum goes beside them
                    peak = max(peak, live + sizes[value])
                    holders[old] -= 1
                    kept, dropped = buffers, new
                    holders[kept] = 1
                    buffers += 1
                    live += sizes[value]
                gradient[value] = kept
                holders[dropped] -= 1
                if not holders[dropped]:
                    live -= sizes[value]
        live -= freed[index]
    return peak


def _first_savers(graph: Graph) -> list[int]:
    """Returns the first node that keeps each value for the backward pass, where it is the last to need it; or -1."""
    savers = [-1] * len(graph.nodes)
    for index, node in enumerate(graph.nodes):
        if node.primitive.saves_output:
            savers[index] = index
        if node.primitive.saves_inputs:
            for value in graph.inputs[index]:
                if savers[value] < 0:
                    savers[value] = index
    return savers

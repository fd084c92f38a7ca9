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
from architectures.ir.primitives import Facts, facts

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
    every = _facts(graph)
    last_reader = _last_readers(graph)
    return Complexity(
        params=sum([each.params for each in every]),
        macs=sum([each.macs for each in every]),
        bytes_moved=BYTES * sum([each.moved for each in every]),
        weight_bytes=BYTES * sum([each.stored for each in every]),
        activation_peak_bytes=BYTES * _inference_peak(graph, every, last_reader),
        training_peak_bytes=_training_peak(graph, every, last_reader),
        nodes=tuple(
            [
                NodeComplexity(node.name, each.params, each.macs, BYTES * each.moved, BYTES * each.size)
                for node, each in zip(graph.nodes, every, strict=True)
            ]
        ),
    )


def _facts(graph: Graph) -> list[Facts]:
    shapes = {node.name: node.shape for node in graph.nodes}
    return [facts(node.primitive, tuple([shapes[name] for name in node.inputs])) for node in graph.nodes]


def _last_readers(graph: Graph) -> list[list[int]]:
    """For each position, the positions of the values that are read there for the last time (or never after it)."""
    position = {node.name: index for index, node in enumerate(graph.nodes)}
    last = list(range(len(graph.nodes)))
    for index, node in enumerate(graph.nodes):
        for name in node.inputs:
            last[position[name]] = index
    ends: list[list[int]] = [[] for _ in graph.nodes]
    for value, reader in enumerate(last[:-1]):
        ends[reader].append(value)
    return ends


def _inference_peak(graph: Graph, every: list[Facts], ends: list[list[int]]) -> int:
    """Values alive at once at the worst moment. A view (flatten) shares its input's memory."""
    live = peak = 0
    sizes = [each.size for each in every]
    for index, node in enumerate(graph.nodes):
        if node.inputs and not node.primitive.moves_bytes:
            live -= sizes[index]  # counted again below, by the name of the view
        live += sizes[index]
        peak = max(peak, live)
        for value in ends[index]:
            live -= sizes[value]
        if node.inputs and not node.primitive.moves_bytes:
            live += sizes[index]
    return peak


def _training_peak(graph: Graph, every: list[Facts], ends: list[list[int]]) -> int:
    """Forward: saved values stay. Backward: at each node its output's gradient and its inputs' new ones."""
    position = {node.name: index for index, node in enumerate(graph.nodes)}
    inputs = [[position[name] for name in node.inputs] for node in graph.nodes]
    sizes = [BYTES * each.size for each in every]
    extra = [node.primitive.saved_bytes_per_output * each.size for node, each in zip(graph.nodes, every, strict=True)]
    first_saver = _first_savers(graph, inputs)
    live = peak = 0
    for index in range(len(sizes)):
        live += sizes[index] + extra[index]
        peak = max(peak, live)
        live -= sum([sizes[value] for value in ends[index] if first_saver[value] < 0])
    frees: list[list[int]] = [[] for _ in sizes]
    for value, saver in enumerate(first_saver):
        if saver >= 0:
            frees[saver].append(value)
    has_gradient = [False] * len(sizes)
    has_gradient[-1] = True
    for index in range(len(sizes) - 1, 0, -1):
        for value in inputs[index]:
            if value and not has_gradient[value]:
                has_gradient[value] = True
                live += sizes[value]
        peak = max(peak, live)
        live -= sizes[index] + extra[index] + sum([sizes[value] for value in frees[index]])
    return peak


def _first_savers(graph: Graph, inputs: list[list[int]]) -> list[int]:
    """For each value the first node that saved it for its backward pass (the last to need it there); -1: none did."""
    savers = [-1] * len(inputs)
    for index, node in enumerate(graph.nodes):
        if node.primitive.saves_inputs:
            for value in inputs[index]:
                if savers[value] < 0:
                    savers[value] = index
        if node.primitive.saves_output:
            savers[index] = index
    return savers

"""Predicted latency (Williams et al. 2009, doi.org/10.1145/1498765.1498785): the slower one of arithmetic and traffic.

An estimate: nothing ran. Each kernel takes max(macs / rate, bytes / bandwidth) + the overhead of its start; which nodes
are kernels is said in ``kernels``.
"""

from dataclasses import dataclass
from typing import NamedTuple

from architectures.ir.complexity import Complexity, complexity
from architectures.ir.graph import Graph
from profiling.meters.kernels import Kernel, kernels
from profiling.targets import Target


class NodeSeconds(NamedTuple):
    """The share of one node, and what bounds it: arithmetic, memory, overhead, or nothing where it is fused."""

    name: str
    seconds: float
    bound: str
    macs: int = 0
    bytes_moved: int = 0


@dataclass(frozen=True)
class Prediction:
    seconds: float
    nodes: tuple[NodeSeconds, ...]
    bytes_per_s: float  # from main memory, or from the cache that holds the whole network

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1e3


def predict(graph: Graph, target: Target, counted: Complexity | None = None) -> Prediction:
    counted = counted or complexity(graph)
    fits = counted.weight_bytes + counted.activation_peak_bytes <= target.cache_bytes
    bandwidth = target.cache_bytes_per_s if fits else target.bytes_per_s
    running = {kernel.node.name: kernel for kernel in kernels(graph, counted, target.fuses)}
    nodes = tuple(
        node_seconds(running[node.name], target, bandwidth)
        if node.name in running
        else NodeSeconds(node.name, 0.0, "fused")
        for node in graph.nodes
    )
    return Prediction(sum(node.seconds for node in nodes), nodes, bandwidth)


def node_seconds(kernel: Kernel, target: Target, bandwidth: float) -> NodeSeconds:
    arithmetic = kernel.macs / rate(kernel, target)
    traffic = kernel.bytes_moved / bandwidth
    work = max(arithmetic, traffic)
    bound = "overhead" if target.kernel_overhead_s > work else "memory" if traffic >= arithmetic else "arithmetic"
    return NodeSeconds(kernel.node.name, work + target.kernel_overhead_s, bound, kernel.macs, kernel.bytes_moved)


def rate(kernel: Kernel, target: Target) -> float:
    """Multiply-adds a second that a kernel of this kind reaches."""
    return target.peak_macs_per_s * (target.depthwise_share if kernel.kind == "depthwise" else target.dense_share)

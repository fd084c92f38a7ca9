"""Predicted latency (Williams et al. 2009, doi.org/10.1145/1498765.1498785): the slower one of arithmetic and traffic.

An estimate: nothing ran. Each node takes max(macs / rate, bytes / bandwidth) + the overhead of its kernel; a target
whose runtime fuses gives batch norms and activations that follow a convolution no kernel of their own.
"""

from dataclasses import dataclass
from typing import NamedTuple

from architectures.ir.complexity import Complexity, complexity
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import BatchNorm, Conv2d, HardSigmoid, HardSwish, Linear, Relu, Relu6, Sigmoid
from profiling.targets import Target

FUSED = (BatchNorm, Relu, Relu6, HardSwish, HardSigmoid, Sigmoid)


class NodeSeconds(NamedTuple):
    """The share of one node, and what bounds it: arithmetic, memory, overhead, or nothing where it is fused."""

    name: str
    seconds: float
    bound: str


@dataclass(frozen=True)
class Prediction:
    seconds: float
    nodes: tuple[NodeSeconds, ...]

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1e3


def predict(graph: Graph, target: Target, counted: Complexity | None = None) -> Prediction:
    counted = counted or complexity(graph)
    fits = counted.weight_bytes + counted.activation_peak_bytes <= target.cache_bytes
    bandwidth = target.cache_bytes_per_s if fits else target.bytes_per_s
    fused = fused_nodes(graph) if target.fuses else frozenset()
    nodes = []
    for node in graph.nodes:
        cost = counted.by_name[node.name]
        if node.name in fused or not cost.bytes_moved:
            nodes.append(NodeSeconds(node.name, 0.0, "fused"))
            continue
        arithmetic = cost.macs / rate(node, graph, target) if cost.macs else 0.0
        traffic = cost.bytes_moved / bandwidth
        work = max(arithmetic, traffic)
        bound = "overhead" if target.kernel_overhead_s > work else "memory" if traffic >= arithmetic else "arithmetic"
        nodes.append(NodeSeconds(node.name, work + target.kernel_overhead_s, bound))
    return Prediction(sum(node.seconds for node in nodes), tuple(nodes))


def rate(node: Node, graph: Graph, target: Target) -> float:
    """Multiply-adds a second that a kernel of this kind reaches."""
    if isinstance(node.primitive, Linear):
        return target.peak_macs_per_s * target.dense_share
    assert isinstance(node.primitive, Conv2d)
    channels = graph.node(node.inputs[0]).shape[0]
    is_depthwise = node.primitive.groups > 1 and node.primitive.groups == channels
    return target.peak_macs_per_s * (target.depthwise_share if is_depthwise else target.dense_share)


def fused_nodes(graph: Graph) -> frozenset[str]:
    """Batch norms and activations that read a convolution, or a node fused into one, which nothing else reads."""
    fused: set[str] = set()
    for node in graph.nodes:
        if not isinstance(node.primitive, FUSED):
            continue
        source = graph.node(node.inputs[0])
        follows = isinstance(source.primitive, (Conv2d, Linear)) or source.name in fused
        if follows and len(graph.consumers(source.name)) == 1:
            fused.add(node.name)
    return frozenset(fused)

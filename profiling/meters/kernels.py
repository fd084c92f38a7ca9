"""What of a graph a device really runs: one kernel a node, but for what its runtime fuses or leaves out.

A graph runtime (ONNX Runtime, TFLite, TensorRT) folds batch norms and activations into the convolution before them and
leaves out what does not reach the output; a sum loses terms that are zeros, but nobody looks into what is computed
*from* zeros, so that runs. An eager framework runs all nodes. Pruned graphs, as spaces decode them, have neither zeros
nor dead branches; the literal ones behind published tables of latencies do.
"""

from typing import NamedTuple

from architectures.ir.complexity import Complexity
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    GlobalAvgPool,
    HardSigmoid,
    HardSwish,
    Identity,
    Linear,
    MaxPool,
    Multiply,
    Relu,
    Relu6,
    Sigmoid,
    Zero,
)

FUSED = (BatchNorm, Relu, Relu6, HardSwish, HardSigmoid, Sigmoid)


class Kernel(NamedTuple):
    """One start of a library's routine."""

    node: Node
    kind: str
    macs: int
    bytes_moved: int


def kernels(graph: Graph, counted: Complexity, fuses: bool) -> tuple[Kernel, ...]:
    """Lists kernels in the order of the graph; ``fuses`` says that a graph runtime runs it."""
    left_out = fused_nodes(graph) | idle_nodes(graph) if fuses else frozenset()
    voids = void_nodes(graph) if fuses else frozenset()
    found = []
    for node in graph.nodes:
        cost = counted.by_name[node.name]
        if node.name in left_out or not cost.bytes_moved:
            continue
        terms = sum(name in voids for name in node.inputs) if isinstance(node.primitive, Add) else 0
        moved = cost.bytes_moved - terms * cost.output_bytes
        found.append(Kernel(node, kind_of(node, graph), cost.macs, moved))
    return tuple(found)


def kind_of(node: Node, graph: Graph) -> str:
    """Kernels that libraries write apart: a 3×3 convolution has other tricks than a 1×1."""
    primitive = node.primitive
    if isinstance(primitive, Conv2d):
        if primitive.groups > 1 and primitive.groups == graph.node(node.inputs[0]).shape[0]:
            return "depthwise"
        return "pointwise" if primitive.kernel == 1 else "dilated" if primitive.dilation > 1 else "dense"
    if isinstance(primitive, (MaxPool, AvgPool, GlobalAvgPool)):
        return "pool"
    if isinstance(primitive, (Add, Multiply, Concat)):
        return "merge"
    return "linear" if isinstance(primitive, Linear) else "elementwise"


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


def void_nodes(graph: Graph) -> frozenset[str]:
    """Zeros, and sums of nothing but zeros: constants that no kernel makes."""
    voids: set[str] = set()
    for node in graph.nodes[1:]:
        is_sum = isinstance(node.primitive, (Add, Identity)) and all(name in voids for name in node.inputs)
        if is_sum or isinstance(node.primitive, Zero):
            voids.add(node.name)
    return frozenset(voids)


def idle_nodes(graph: Graph) -> frozenset[str]:
    """Zeros, sums that are left with one term, and all that does not reach the output."""
    voids = void_nodes(graph)
    read = {graph.output.name}
    for node in reversed(graph.nodes):
        if node.name in read and node.name not in voids:
            read |= set(node.inputs) - voids
    idle = {node.name for node in graph.nodes if node.name not in read}
    return frozenset(idle | voids | {node.name for node in graph.nodes if is_alone(node, voids)})


def is_alone(node: Node, voids: frozenset[str]) -> bool:
    return isinstance(node.primitive, Add) and sum(name not in voids for name in node.inputs) < 2


__all__ = ["Kernel", "fused_nodes", "kernels", "kind_of"]

"""Batch norms folded into the convolutions before them: in inference both are one affine map of the pixels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import BatchNorm, Conv2d, HardSigmoid, HardSwish, Linear, Relu, Relu6, Sigmoid
from architectures.ir.verify import verify
from codegen.passes import Arrays, register


@dataclass(frozen=True)
class Group:
    """A batch norm and what stands before it; `reason` says why they are not fused."""

    conv: str
    norm: str
    reason: str = ""
    activation: str = ""  # the only reader of the norm, where it is one


@dataclass(frozen=True)
class Joined:
    """An activation and what stands before it; `reason` says why they are not one step."""

    before: str
    activation: str
    reason: str = ""


ACTIVATIONS = (Relu, Relu6, HardSwish, HardSigmoid, Sigmoid)


def activations(graph: Graph) -> Iterator[Joined]:
    """Every activation of a network whose batch norms are folded: applied by the layer before it, or why not.

    Compiled code takes it into the layer's loop; ONNX Runtime and torch.compile do so by themselves.
    """
    for node in graph.nodes:
        if isinstance(node.primitive, ACTIVATIONS):
            before = graph.node(node.inputs[0])
            yield Joined(before.name, node.name, apart(graph, before, node))


def apart(graph: Graph, before: Node, activation: Node) -> str:
    if not isinstance(before.primitive, (Conv2d, Linear)):
        return f"it follows {before.name}, which is neither a convolution nor a linear layer"
    readers = graph.consumers(before.name)
    if len(readers) > 1:
        return f"{before.name} is read {len(readers)} times"
    return "its values are the network's answer" if activation is graph.output else ""


def groups(graph: Graph) -> Iterator[Group]:
    """Every batch norm of the network: fused, or why not."""
    for node in graph.nodes:
        if isinstance(node.primitive, BatchNorm):
            before = graph.node(node.inputs[0])
            readers = graph.consumers(node.name)
            is_alone = len(readers) == 1 and isinstance(readers[0].primitive, ACTIVATIONS)
            yield Group(before.name, node.name, obstacle(graph, before), readers[0].name if is_alone else "")


def obstacle(graph: Graph, before: Node) -> str:
    if not isinstance(before.primitive, Conv2d):
        return f"it follows {before.name}, which is no convolution"
    readers = graph.consumers(before.name)
    return "" if len(readers) == 1 else f"{before.name} is read {len(readers)} times"


def fused(graph: Graph) -> Graph:
    """The network for inference: fused convolutions have a bias, their batch norms are gone."""
    found = {group.norm: group.conv for group in groups(graph) if not group.reason}
    convs = set(found.values())
    nodes = []
    for node in graph.nodes:
        if node.name in found:
            continue
        inputs = tuple(found.get(name, name) for name in node.inputs)
        primitive = node.primitive
        if node.name in convs and isinstance(primitive, Conv2d):
            primitive = replace(primitive, bias=True)
        nodes.append(replace(node, primitive=primitive, inputs=inputs))
    result = Graph(tuple(nodes))
    verify(result)
    return result


@register("fuse_batch_norm")
class FuseBatchNorm:
    title: ClassVar[str] = "Batch norms folded into the convolutions before them"

    def apply(self, graph: Graph) -> Graph:
        return fused(graph)

    def weights(self, graph: Graph, weights: Arrays) -> Arrays:
        kept = dict(weights)
        for group in groups(graph):
            if not group.reason:
                kept |= folded(group, graph.node(group.norm), kept)
                for name in [name for name in kept if name.rpartition(".")[0] == group.norm]:
                    del kept[name]
        return kept


def folded(group: Group, norm: Node, weights: Arrays) -> dict[str, Any]:
    """Weight and bias of the convolution that is both."""
    assert isinstance(norm.primitive, BatchNorm)
    factor, shift, mean, variance = (
        weights[f"{group.norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = factor / (variance + norm.primitive.eps) ** 0.5
    weight = weights[f"{group.conv}.weight"] * scale.reshape(-1, 1, 1, 1)
    bias = weights.get(f"{group.conv}.bias", 0.0)
    return {f"{group.conv}.weight": weight, f"{group.conv}.bias": (bias - mean) * scale + shift}

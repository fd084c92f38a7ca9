"""A graph as an ONNX file without torch: what a device measures, and how large the format is on a disk.

Weights are random (He et al. 2015), because no time depends on their values as long as none of them is a denormal;
``weights`` takes trained ones, by the names of a state dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatchmethod
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from architectures.ir import primitives as p
from architectures.ir.graph import Graph, Node

OPSET = 17
IR_VERSION = 8  # read by runtimes since 2022: a Pi's may be old
Array = NDArray[np.float32]


def onnx_file(graph: Graph, weights: Mapping[str, Array] | None = None, seed: int = 0, batch: int = 1) -> bytes:
    """Writes a graph as ONNX for images (batch, C, H, W), weights (out, in, k, k) in float32.

    Equal arguments give equal bytes.
    """
    import onnx

    writer = Writer(graph, weights, np.random.default_rng(seed))
    for node in graph.nodes[1:]:
        writer.write(node.primitive, node)
    value = onnx.helper.make_tensor_value_info
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            writer.nodes,
            "network",
            [value("input", onnx.TensorProto.FLOAT, [batch, *graph.input_shape])],
            [value(graph.output.name, onnx.TensorProto.FLOAT, [batch, *graph.output_shape])],
            writer.stored,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="nas-portal",
    )
    return bytes(model.SerializeToString(deterministic=True))


@dataclass
class Writer:
    """One rule a primitive, as everywhere."""

    graph: Graph
    weights: Mapping[str, Array] | None
    draw: np.random.Generator
    nodes: list[Any] = field(default_factory=list)
    stored: list[Any] = field(default_factory=list)

    def add(self, kind: str, node: Node, *inputs: str, output: str = "", **attributes: Any) -> str:
        import onnx

        name = output or node.name
        self.nodes.append(onnx.helper.make_node(kind, [*(inputs or node.inputs)], [name], name=name, **attributes))
        return name

    def store(self, name: str, values: NDArray[Any]) -> str:
        """Stores an array of any shape under a name and returns the name."""
        import onnx

        self.stored.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, node: Node, name: str, shape: tuple[int, ...], value: float | None = None) -> str:
        """The stored one; else a constant, or drawn so that activations neither grow nor fade."""
        key = f"{node.name}.{name}"
        if self.weights is not None:
            return self.store(key, np.asarray(self.weights[key], np.float32))
        if value is not None:
            return self.store(key, np.full(shape, value, np.float32))
        scale = np.sqrt(2 / prod(shape[1:]))
        return self.store(key, (self.draw.standard_normal(shape) * scale).astype(np.float32))

    @singledispatchmethod
    def write(self, primitive: p.Primitive, node: Node) -> None:
        """Adds the ONNX operators of a primitive. Raises TypeError where none is known."""
        raise TypeError(f"no ONNX operator is known for the primitive {primitive.kind}")

    @write.register
    def _(self, primitive: p.Conv2d, node: Node) -> None:
        channels = self.graph.node(node.inputs[0]).shape[0] // primitive.groups
        shape = (primitive.out_channels, channels, primitive.kernel, primitive.kernel)
        inputs = [node.inputs[0], self.weight(node, "weight", shape)]
        if primitive.bias:
            inputs.append(self.weight(node, "bias", (primitive.out_channels,), 0.0))
        self.add(
            "Conv",
            node,
            *inputs,
            kernel_shape=[primitive.kernel] * 2,
            strides=[primitive.stride] * 2,
            pads=[primitive.padding] * 4,
            dilations=[primitive.dilation] * 2,
            group=primitive.groups,
        )

    @write.register
    def _(self, primitive: p.BatchNorm, node: Node) -> None:
        kept = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
        names = [self.weight(node, name, node.shape[:1], value) for name, value in kept.items()]
        self.add("BatchNormalization", node, node.inputs[0], *names, epsilon=primitive.eps)

    @write.register
    def _(self, primitive: p.Relu6, node: Node) -> None:
        bounds = [self.store(f"{node.name}.{bound}", np.array(bound, np.float32)) for bound in (0, 6)]
        self.add("Clip", node, node.inputs[0], *bounds)

    @write.register
    def _(self, primitive: p.HardSigmoid, node: Node) -> None:
        self.add("HardSigmoid", node, alpha=1 / 6, beta=0.5)

    @write.register
    def _(self, primitive: p.MaxPool, node: Node) -> None:
        self.add("MaxPool", node, **window(primitive))

    @write.register
    def _(self, primitive: p.AvgPool, node: Node) -> None:
        self.add("AveragePool", node, count_include_pad=0, **window(primitive))

    @write.register
    def _(self, primitive: p.Concat, node: Node) -> None:
        self.add("Concat", node, axis=1)

    @write.register
    def _(self, primitive: p.Flatten, node: Node) -> None:
        self.add("Flatten", node, axis=1)

    @write.register
    def _(self, primitive: p.Linear, node: Node) -> None:
        features = self.graph.node(node.inputs[0]).shape[0]
        inputs = [node.inputs[0], self.weight(node, "weight", (primitive.out_features, features))]
        if primitive.bias:
            inputs.append(self.weight(node, "bias", (primitive.out_features,), 0.0))
        self.add("Gemm", node, *inputs, transB=1)

    @write.register
    def _(self, primitive: p.Zero, node: Node) -> None:
        source = node.inputs[0]
        if primitive.stride > 1:
            ranges = {"starts": [0, 0], "ends": [2**31 - 1] * 2, "axes": [2, 3], "steps": [primitive.stride] * 2}
            names = [self.store(f"{node.name}.{name}", np.array(each, np.int64)) for name, each in ranges.items()]
            source = self.add("Slice", node, source, *names, output=f"{node.name}.slice")
        self.add("Mul", node, source, self.store(f"{node.name}.zero", np.array(0, np.float32)))

    @write.register(p.Relu)
    @write.register(p.Sigmoid)
    @write.register(p.HardSwish)
    @write.register(p.Identity)
    def _(self, primitive: p.Primitive, node: Node) -> None:
        self.add(primitive.kind, node)

    @write.register
    def _(self, primitive: p.Add, node: Node) -> None:
        """A chain of twos: runtimes have a quick kernel for Add, not for Sum."""
        total = node.inputs[0]
        for place, term in enumerate(node.inputs[1:], 2):
            is_last = place == len(node.inputs)
            total = self.add("Add", node, total, term, output=node.name if is_last else f"{node.name}.{place}")

    @write.register
    def _(self, primitive: p.Multiply, node: Node) -> None:
        self.add("Mul", node)

    @write.register
    def _(self, primitive: p.GlobalAvgPool, node: Node) -> None:
        self.add("GlobalAveragePool", node)

    @write.register
    def _(self, primitive: p.Dropout, node: Node) -> None:
        self.add("Identity", node)  # in inference


def window(primitive: p.MaxPool | p.AvgPool) -> dict[str, Any]:
    return {
        "kernel_shape": [primitive.kernel] * 2,
        "strides": [primitive.stride] * 2,
        "pads": [primitive.padding] * 4,
    }

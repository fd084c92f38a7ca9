"""Graph to torch module: what is trained is what is profiled is what is delivered.

Submodules stand at the dotted names of the nodes, so the state dict's keys are node names plus ".weight" and so on.
"""

from __future__ import annotations

import math
from functools import singledispatch

import torch
from torch import Tensor, nn

from architectures.ir import primitives as p
from architectures.ir.graph import Graph
from architectures.ir.primitives import Shapes


class Add(nn.Module):
    """The sum of its inputs, from left to right."""

    def forward(self, first: Tensor, second: Tensor, *others: Tensor) -> Tensor:
        """Adds tensors of the same shape, (N, C, H, W) or (N, features)."""
        total = first + second
        for other in others:
            total += other  # in place: nobody else has seen the sum
        return total


class Multiply(nn.Module):
    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        """Multiplies (N, C, H, W) by a scale of the same shape or of (N, C, 1, 1)."""
        return x * scale


class Concat(nn.Module):
    def forward(self, *inputs: Tensor) -> Tensor:
        """Joins tensors (N, C, H, W) along their channels."""
        return torch.cat(inputs, dim=1)


class Zero(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Returns zeros (N, C, H / stride, W / stride) for an input (N, C, H, W)."""
        return x[:, :, :: self.stride, :: self.stride] * 0  # not zeros_like: what lies before gets a gradient of zero


class GraphModule(nn.Module):
    """Runs a graph's nodes in order and lets go of each value after its last reader."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        shapes = {node.name: node.shape for node in graph.nodes}
        last_reader = {name: node.name for node in graph.nodes for name in node.inputs}
        # The layers beside their names: looking each one up by its path cost 30 % of a small network's latency.
        self._steps: list[tuple[str, nn.Module, tuple[str, ...], tuple[str, ...]]] = []
        for node in graph.nodes[1:]:
            layer = _module(node.primitive, tuple(shapes[name] for name in node.inputs))
            _attach(self, node.name, layer)
            done = tuple(name for name in dict.fromkeys(node.inputs) if last_reader[name] == node.name)
            self._steps.append((node.name, layer, node.inputs, done))
        self._output = graph.output.name

    def forward(self, images: Tensor) -> Tensor:  # (N, C, H, W) -> (N, classes)
        """Returns logits (N, classes) for images (N, C, H, W)."""
        values = {"input": images}
        del images
        for name, layer, inputs, done in self._steps:
            values[name] = layer(*[values[each] for each in inputs])
            for each in done:
                del values[each]
        return values[self._output]


def build(graph: Graph, seed: int | None = None) -> GraphModule:
    """The module of a graph. Equal seeds give equal weights (no seed: those of seed 0); torch's global generator is
    neither read nor moved."""
    with torch.device("meta"):  # the layers' own initialisation would draw from the global generator
        module = GraphModule(graph)
    if torch.get_default_device().type != "meta":
        module = module.to_empty(device=torch.get_default_device())
        initialise(module, seed or 0)
    return module


@torch.no_grad()
def initialise(module: nn.Module, seed: int) -> None:
    """Convolutions by He et al. 2015 (fan out), linear layers as torch does, batch norms as the identity."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.out_channels * math.prod(layer.kernel_size) // layer.groups
            _normal(layer.weight, math.sqrt(2 / fan_out), generator)
            if layer.bias is not None:
                layer.bias.zero_()
        elif isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for parameter in (layer.weight, layer.bias):
                if parameter is not None:
                    parameter.copy_((torch.rand(parameter.shape, generator=generator, device="cpu") * 2 - 1) * bound)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.reset_parameters()


def _normal(parameter: Tensor, std: float, generator: torch.Generator) -> None:
    parameter.copy_(torch.randn(parameter.shape, generator=generator, device="cpu") * std)


def _attach(root: nn.Module, path: str, module: nn.Module) -> None:
    *scopes, name = path.split(".")
    for scope in scopes:
        if scope not in root._modules:
            root.add_module(scope, nn.Module())
        root = root.get_submodule(scope)
    root.add_module(name, module)


@singledispatch
def _module(primitive: p.Primitive, shapes: Shapes) -> nn.Module:
    raise TypeError(f"no torch module is known for the primitive {primitive.kind}")


@_module.register
def _(conv: p.Conv2d, shapes: Shapes) -> nn.Module:
    return nn.Conv2d(
        shapes[0][0],
        conv.out_channels,
        conv.kernel,
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=conv.groups,
        bias=conv.bias,
    )


@_module.register
def _(norm: p.BatchNorm, shapes: Shapes) -> nn.Module:
    return nn.BatchNorm2d(shapes[0][0], eps=norm.eps, momentum=norm.momentum)


@_module.register
def _(pool: p.MaxPool, shapes: Shapes) -> nn.Module:
    return nn.MaxPool2d(pool.kernel, stride=pool.stride, padding=pool.padding)


@_module.register
def _(pool: p.AvgPool, shapes: Shapes) -> nn.Module:
    return nn.AvgPool2d(pool.kernel, stride=pool.stride, padding=pool.padding, count_include_pad=False)


@_module.register
def _(linear: p.Linear, shapes: Shapes) -> nn.Module:
    return nn.Linear(shapes[0][0], linear.out_features, bias=linear.bias)


@_module.register
def _(zero: p.Zero, shapes: Shapes) -> nn.Module:
    return Zero(zero.stride)


@_module.register
def _(dropout: p.Dropout, shapes: Shapes) -> nn.Module:
    return nn.Dropout(dropout.rate)


def _plain(primitive: type[p.Primitive], module: type[nn.Module]) -> None:
    """A rule for a primitive without attributes."""
    _module.register(primitive, lambda primitive, shapes: module())


_plain(p.Relu, nn.ReLU)
_plain(p.Relu6, nn.ReLU6)
_plain(p.HardSwish, nn.Hardswish)
_plain(p.HardSigmoid, nn.Hardsigmoid)
_plain(p.Sigmoid, nn.Sigmoid)
_plain(p.Add, Add)
_plain(p.Multiply, Multiply)
_plain(p.Concat, Concat)
_plain(p.Flatten, nn.Flatten)
_plain(p.Identity, nn.Identity)
_module.register(p.GlobalAvgPool, lambda primitive, shapes: nn.AdaptiveAvgPool2d(1))

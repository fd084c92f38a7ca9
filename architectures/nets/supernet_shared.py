"""One set of weights for all networks of a space; each trains on slices of it (Guo et al. 2019, arXiv 1904.00420).

Any space will do: a weight is known by its node and the kind of convolution there, and grows to the largest shape
that was asked for. A network's parameters are views, so that a step of its training is one of the shared weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random

import torch
from torch import Tensor, nn

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import BatchNorm, Conv2d, Linear
from architectures.nets.module import GraphModule

LEARNT = (Conv2d, BatchNorm, Linear)


class SharedWeights:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.tensors: dict[str, Tensor] = {}

    def network(self, graph: Graph) -> tuple[GraphModule, dict[str, str]]:
        """The network of a graph on the shared weights, and the key of each of its parameters."""
        with torch.device("meta"):
            module = GraphModule(graph)
        keys = {}
        for node in graph.nodes:
            if not isinstance(node.primitive, LEARNT):
                continue
            layer = module.get_submodule(node.name)
            for name, parameter in list(layer.named_parameters()):
                keys[f"{node.name}.{name}"] = key = f"{node.name}.{name}{_kind(node, graph)}"
                view = self.slice(key, tuple(parameter.shape), layer)
                setattr(layer, name, nn.Parameter(view))
            for name, buffer in list(layer.named_buffers()):
                start = torch.ones if name == "running_var" else torch.zeros
                setattr(layer, name, start(buffer.shape, dtype=buffer.dtype))
        return module, keys

    def slice(self, key: str, shape: tuple[int, ...], layer: nn.Module) -> Tensor:
        """Returns the leading part of a shared float32 tensor, such as (out, in, k, k); the tensor grows as needed."""
        held = self.tensors.get(key)
        if held is None or any(size < wanted for size, wanted in zip(held.shape, shape, strict=True)):
            self.tensors[key] = held = self._grown(key, shape, layer)
        return held[tuple(slice(size) for size in shape)]

    def _grown(self, key: str, shape: tuple[int, ...], layer: nn.Module) -> Tensor:
        """Grows a tensor: what was learnt stays, what is new starts as a network's own weights would."""
        held = self.tensors.get(key)
        if held is not None:
            shape = tuple(map(max, zip(held.shape, shape, strict=True)))
        generator = torch.Generator().manual_seed(Random(f"{self.seed}/{key}/{shape}").getrandbits(63))
        found = _start(key, shape, layer, generator)
        if held is not None:
            found[tuple(slice(size) for size in held.shape)] = held
        return found

    def restore(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Takes tensors by name, each of its own shape such as (out, in, k, k), in place of the present ones."""
        self.tensors = dict(tensors)


def _kind(node: Node, graph: Graph) -> str:
    """A 3×3 and a dilated convolution at one place are different weights; a norm belongs to what it follows."""
    primitive = node.primitive
    if isinstance(primitive, BatchNorm):
        source = graph.node(node.inputs[0])
        return _kind(source, graph) if isinstance(source.primitive, Conv2d) else ""
    if isinstance(primitive, Conv2d):
        return f":{primitive.kernel}:{primitive.dilation}:{'depthwise' if primitive.groups > 1 else 'dense'}"
    return ""


def _start(key: str, shape: tuple[int, ...], layer: nn.Module, generator: torch.Generator) -> Tensor:
    """Draws initial weights as `architectures.nets.module.initialise` does."""
    if isinstance(layer, nn.Conv2d) and len(shape) == 4:
        fan_out = shape[0] * shape[2] * shape[3] // layer.groups if layer.groups < shape[0] else shape[2] * shape[3]
        return torch.randn(shape, generator=generator) * math.sqrt(2 / max(1, fan_out))
    if isinstance(layer, nn.Linear):
        return (torch.rand(shape, generator=generator) * 2 - 1) / math.sqrt(shape[-1])
    is_scale = isinstance(layer, nn.BatchNorm2d) and ".weight" in key
    return torch.ones(shape) if is_scale else torch.zeros(shape)

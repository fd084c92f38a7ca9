"""Torch's own count of a network, on the meta device: the other witness in tests and benchmarks."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from architectures.ir.graph import Graph
from architectures.nets.module import build

ELEMENTWISE = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid)


def torch_counts(graph: Graph) -> tuple[int, int, dict[str, tuple[int, ...]]]:
    """Parameters, MACs and the output shape of each node (without the batch)."""
    with torch.device("meta"):
        module = build(graph).eval()
    shapes: dict[str, tuple[int, ...]] = {}

    def remember(name: str):
        return lambda layer, inputs, output: shapes.update({name: tuple(output.shape[1:])})

    params = sum(parameter.numel() for parameter in module.parameters())
    for name, layer in module.named_modules():
        if isinstance(layer, ELEMENTWISE):
            layer.forward = lambda x: x  # neither shape nor FLOPs, and nine tenths of the time on the meta device
        if name and not list(layer.children()):
            layer.register_forward_hook(remember(name))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *graph.input_shape, device="meta"))
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return params, flops // 2, shapes


def assert_counts_equal(graph: Graph, params: int, macs: int) -> None:
    its_params, its_macs, shapes = torch_counts(graph)
    assert (params, macs) == (its_params, its_macs)
    assert {node.name: node.shape for node in graph.nodes[1:]} == shapes

"""Ways to run a network that can be timed beside each other: eager torch, fused, compiled, and ONNX Runtime."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

from architectures.ir.graph import Graph
from architectures.ir.primitives import BatchNorm, Conv2d
from profiling.meters.latency import MOST_SECONDS, Run, latency_of_run, runner
from profiling.meters.onnx_file import onnx_file
from profiling.meters.reading import Reading

if TYPE_CHECKING:
    from torch import nn


class BackendAbsent(RuntimeError):
    """This machine cannot run the backend: the reason, and what can be done."""


def latency_by(
    backend: str, graph: Graph, *, batch: int = 1, device: str = "cpu", most_seconds: float = MOST_SECONDS
) -> Reading:
    """The latency of a network with the weights of seed 0, run by the backend of this name."""
    run = BACKENDS[backend](graph, batch, device)
    return latency_of_run(run, most_seconds, batch=batch, device=device, backend=backend)


def eager(graph: Graph, batch: int, device: str) -> Run:
    return runner(module_of(graph), graph.input_shape, batch, device)


def fused(graph: Graph, batch: int, device: str) -> Run:
    """Eager torch, batch norms folded into the convolutions before them."""
    return runner(with_folded_norms(module_of(graph), graph), graph.input_shape, batch, device)


def compiled(graph: Graph, batch: int, device: str) -> Run:
    """Compiles with torch.compile, which takes half a minute before the first run.

    Raises BackendAbsent where there is no C++ compiler.
    """
    import torch

    if device == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise BackendAbsent("compiled: torch.compile needs a C++ compiler, and none is on the path; install g++")
    module: nn.Module = torch.compile(module_of(graph))  # type: ignore[assignment]  # a module for a module
    run = runner(module, graph.input_shape, batch, device)
    run()
    return run


def onnxruntime(graph: Graph, batch: int, device: str) -> Run:
    """Runs the network with one thread of ONNX Runtime.

    Raises BackendAbsent where the build lacks the device's provider.
    """
    import numpy as np
    import onnxruntime as ort

    provider = "CPUExecutionProvider" if device == "cpu" else "CUDAExecutionProvider"
    if provider not in ort.get_available_providers():
        raise BackendAbsent(f"onnxruntime: this build has no {provider}; install onnxruntime-gpu")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(onnx_file(graph, batch=batch), options, providers=[provider])
    images = {"input": np.zeros((batch, *graph.input_shape), np.float32)}
    return lambda: session.run(None, images)


BACKENDS: Mapping[str, Callable[[Graph, int, str], Run]] = {
    "eager": eager,
    "fused": fused,
    "compiled": compiled,
    "onnxruntime": onnxruntime,
}

NAMES = tuple(BACKENDS)


def module_of(graph: Graph) -> nn.Module:
    import torch

    from architectures.nets.module import build

    module: nn.Module = build(graph, seed=0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def with_folded_norms(module: nn.Module, graph: Graph) -> nn.Module:
    """A copy for inference; a norm whose convolution others read too stays."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = deepcopy(module).eval()
    for node in graph.nodes:
        if not isinstance(node.primitive, BatchNorm):
            continue
        source = graph.node(node.inputs[0])
        if isinstance(source.primitive, Conv2d) and len(graph.consumers(source.name)) == 1:
            convolution, norm = folded.get_submodule(source.name), folded.get_submodule(node.name)
            replace(folded, source.name, fuse_conv_bn_eval(convolution, norm))  # type: ignore[type-var, arg-type]
            replace(folded, node.name, nn.Identity())
    return folded


def replace(module: nn.Module, name: str, layer: nn.Module) -> None:
    """Replaces a layer at its name and in the list of steps that the graph's module runs."""
    scope, _, last = name.rpartition(".")
    setattr(module.get_submodule(scope), last, layer)
    module._steps = [  # type: ignore[assignment]
        (step, layer if step == name else old, inputs, done)
        for step, old, inputs, done in module._steps  # type: ignore[union-attr]
    ]

"""Memory: the peak of activations counted by liveness over the graph; measured in a process and on a GPU; files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from architectures.ir import json as graph_json
from architectures.ir.complexity import BYTES, Complexity
from architectures.ir.graph import Graph
from architectures.ir.primitives import (
    Add,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    HardSigmoid,
    HardSwish,
    Identity,
    Linear,
    Multiply,
    Relu,
    Relu6,
    Sigmoid,
)
from profiling.meters.onnx_file import onnx_file
from profiling.meters.reading import Reading

if TYPE_CHECKING:
    from profiling.meters.latency import Run

IN_PLACE = (
    *(Add, BatchNorm, Dropout, Flatten, HardSigmoid, HardSwish),
    *(Identity, Multiply, Relu, Relu6, Sigmoid),
)
ROOT = Path(__file__).resolve().parents[2]
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def memory(counted: Complexity) -> Reading:
    return Reading(
        counted.activation_peak_bytes,
        "bytes",
        "counted",
        {"weight_bytes": counted.weight_bytes, "training_peak_bytes_per_image": counted.training_peak_bytes},
    )


def sizes(graph: Graph, counted: Complexity) -> dict[str, int]:
    """Bytes on a disk by format: exact, the files are written into memory."""
    from safetensors.numpy import save

    return {
        "safetensors": len(save(state_of(graph))),
        "onnx": len(onnx_file(graph)),
        "c99 weights": counted.weight_bytes,
    }


def state_of(graph: Graph) -> dict[str, NDArray[Any]]:
    """Returns float32 zeros by name: weights (out, in, k, k) or (out, in), biases and statistics (out,)."""
    found: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        primitive, source = node.primitive, graph.node(node.inputs[0]).shape if node.inputs else ()
        if isinstance(primitive, BatchNorm):
            names = ("weight", "bias", "running_mean", "running_var")
            found |= {f"{node.name}.{name}": np.zeros(node.shape[0], np.float32) for name in names}
            found[f"{node.name}.num_batches_tracked"] = np.zeros((), np.int64)
        elif isinstance(primitive, (Conv2d, Linear)):
            outputs = node.shape[0]
            sides = (
                (source[0] // primitive.groups, *[primitive.kernel] * 2) if isinstance(primitive, Conv2d) else source
            )
            found[f"{node.name}.weight"] = np.zeros((outputs, *sides), np.float32)
            if primitive.bias:
                found[f"{node.name}.bias"] = np.zeros(outputs, np.float32)
    return found


def in_place_peak(graph: Graph) -> int:
    """Bytes of activations of a plain C program: norms folded, activations and sums in place, image and logits the
    caller's."""
    gone = folded_norms(graph)
    holder: dict[str, str] = {}
    readers = {node.name: {each.name for each in graph.consumers(node.name)} for node in graph.nodes}
    order = {node.name: index for index, node in enumerate(graph.nodes)}
    ends: dict[str, int] = {}
    for node in graph.nodes:
        first = node.inputs[0] if node.inputs else ""
        takes = node.name in gone or (isinstance(node.primitive, IN_PLACE) and first not in node.inputs[1:])
        own = not takes or holder[first] in ("input", graph.output.name) or node.name == graph.output.name
        if not own and node.name not in gone:
            shared = [name for name, held in holder.items() if held == holder[first]]
            own = any(order[reader] > order[node.name] for name in shared for reader in readers[name])
        holder[node.name] = node.name if own else holder[first]
        for name in (node.name, *node.inputs):
            ends[holder[name]] = order[node.name]
    outside = {"input", graph.output.name}
    spans = [
        (BYTES * prod(node.shape), order[node.name], ends[node.name])
        for node in graph.nodes
        if holder[node.name] == node.name and node.name not in outside
    ]
    return max((sum(size for size, begins, end in spans if begins <= now <= end) for _, now, _ in spans), default=0)


def folded_norms(graph: Graph) -> set[str]:
    """Batch norms that are the only readers of a convolution."""
    return {
        node.name
        for node in graph.nodes
        if isinstance(node.primitive, BatchNorm)
        and isinstance(graph.node(node.inputs[0]).primitive, Conv2d)
        and len(graph.consumers(node.inputs[0])) == 1
    }


def measured_peak(graph: Graph, batch: int = 1, device: str = "cpu") -> Reading:
    """Measures how far one inference raises the peak: of a fresh process's resident memory, or of the GPU's allocator.

    Raises RuntimeError where that process fails.
    """
    command = [sys.executable, "-m", "profiling.meters.memory", str(batch), device]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, input=graph_json.dumps(graph), capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the peak of memory could not be measured: {done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout)
    return Reading(found["bytes"], "bytes", "measured", {"by": found["by"], "batch": batch})


def main(batch: int, device: str) -> None:
    """The fresh process: a warm-up run takes what libraries keep for themselves, the second run is what counts."""
    import torch

    from architectures.nets.module import build
    from profiling.meters.latency import runner

    torch.set_num_threads(1)
    graph = graph_json.loads(sys.stdin.read())
    run = runner(build(graph, seed=0), graph.input_shape, batch, device)
    print(json.dumps(allocator_peak(run) if device == "cuda" else process_peak(run)))


def process_peak(run: Run) -> dict[str, object]:
    """Linux keeps a high-water mark that can be taken back to the present size."""
    run()
    CLEAR.write_text("5")
    before = status("VmHWM")
    run()
    return {"bytes": status("VmHWM") - before, "by": "process, resident memory above what it had before"}


def status(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def allocator_peak(run: Run) -> dict[str, object]:
    """Torch's own allocator; workspaces of cuDNN are in it."""
    import torch

    run()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    return {"bytes": torch.cuda.max_memory_allocated() - before, "by": "CUDA allocator, above what it had before"}


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

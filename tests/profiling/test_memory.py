"""Memory: counted as the C export lays it out, measured in a process of its own, files as large as they are written."""

import re

import pytest
import safetensors.torch
import torch

from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.nets.module import build
from codegen.frameworks.c import fused, program
from profiling.meters.memory import in_place_peak, measured_peak, sizes
from tests.codegen.networks import every_primitive, sampled, small
from tests.searches.evaluation.worlds import small_network


def arena_bytes(number: int) -> int:
    header, _ = program(fused(sampled(number)))
    found = re.search(r"MODEL_ARENA_BYTES\s+(\d+)", header)
    assert found
    return int(found[1])


def test_the_counted_peak_is_the_arena_of_the_c_export() -> None:
    pairs = [(in_place_peak(sampled(number)), arena_bytes(number)) for number in range(60)]
    assert all(max(4, counted) <= arena for counted, arena in pairs)
    assert sum(max(4, counted) == arena for counted, arena in pairs) >= 59  # a placing without gaps may not exist
    assert max(arena / max(4, counted) for counted, arena in pairs) < 1.1


@pytest.mark.parametrize("graph", [small(), every_primitive(), sampled(1)], ids=lambda graph: str(len(graph.nodes)))
def test_sizes_are_those_of_the_written_files(graph: Graph) -> None:
    found = sizes(graph, complexity(graph))
    assert found["safetensors"] == len(safetensors.torch.save(build(graph).state_dict()))
    assert found["onnx"] > found["c99 weights"] == complexity(graph).weight_bytes


@pytest.mark.slow
def test_the_peak_of_a_process_is_measured() -> None:
    found = measured_peak(small_network(), batch=64)
    assert found.how == "measured"
    assert 0 <= found.value < 50e6
    assert "process" in str(found.details["by"])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_counted_peak_is_what_the_gpus_allocator_sees() -> None:
    graph = sampled(9)
    with torch.backends.cudnn.flags(benchmark=False):
        found = measured_peak(graph, batch=256, device="cuda").value
    image = 4 * 256 * torch.Size(graph.input_shape).numel()
    assert (found + image) / (256 * complexity(graph).activation_peak_bytes) == pytest.approx(1, abs=0.05)

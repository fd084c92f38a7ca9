"""The roofline: what bounds a node, what is fused, what leaves the cache."""

from dataclasses import replace

import pytest

from architectures import spaces
from architectures.ir.builder import Builder
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, Relu
from profiling import targets
from profiling.meters.kernels import fused_nodes, kernels
from profiling.meters.roofline import predict

TARGET = targets.create("raspberry_pi_4")


def residual() -> Graph:
    builder = Builder((8, 8, 8))
    conv = builder.add("conv", Conv2d(8), "input")
    norm = builder.add("norm", BatchNorm(), conv)
    relu = builder.add("relu", Relu(), norm)
    second = builder.add("second", Conv2d(8), relu)
    total = builder.add("add", Add(), second, relu)
    late = builder.add("late", Relu(), total)
    flat = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), late))
    builder.add("linear", Linear(10), flat)
    return builder.build()


def test_norms_and_activations_after_a_convolution_are_fused() -> None:
    assert fused_nodes(residual()) == {"norm", "relu"}


def test_a_runtime_that_does_not_fuse_pays_for_each_kernel() -> None:
    graph = residual()
    here = targets.create("this_machine")
    kernels = [node for node in predict(graph, here).nodes if node.seconds]
    assert len(kernels) == len(graph.nodes) - 2  # all but input and flatten
    assert all(node.seconds >= here.kernel_overhead_s for node in kernels)


def test_depthwise_convolutions_reach_less_of_the_peak() -> None:
    def seconds(groups: int) -> float:
        builder = Builder((64, 32, 32))
        x = builder.add("conv", Conv2d(64, groups=groups), "input")
        x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
        builder.add("linear", Linear(2), x)
        return predict(builder.build(), TARGET).nodes[1].seconds - TARGET.kernel_overhead_s

    macs = 64 * 9 * 32 * 32
    assert seconds(64) == pytest.approx(macs / (TARGET.peak_macs_per_s * TARGET.depthwise_share))
    assert seconds(1) == pytest.approx(64 * macs / (TARGET.peak_macs_per_s * TARGET.dense_share))


def test_a_network_that_leaves_the_cache_is_read_from_memory() -> None:
    starved = replace(TARGET, cache_bytes=1024, bytes_per_s=1e6)
    prediction = predict(residual(), starved)
    assert prediction.seconds > 100 * predict(residual(), TARGET).seconds
    assert {node.bound for node in prediction.nodes if node.seconds} == {"memory"}


def test_a_network_that_does_not_fit_is_told_why() -> None:
    board = targets.create("microcontroller")
    assert board.fits(1000, 1000) is None
    assert "weights need 3,000,000 bytes" in str(board.fits(3_000_000, 1000))
    assert "activations need 600,000 bytes" in str(board.fits(1000, 600_000))


def literal(code: str) -> set[str]:
    """The edges of the first cell that are kernels in a graph runtime."""
    space = spaces.create("cell201", (3, 32, 32), 10)
    graph = space.decode(tuple(map(int, code)), prune=False)
    running = [kernel.node.name for kernel in kernels(graph, complexity(graph), fuses=True)]
    found = {name.split(".")[2] for name in running if name.startswith("stage1.cell1.")}
    eager = kernels(graph, complexity(graph), fuses=False)
    assert len(eager) > len(running)
    return found


def test_what_does_not_reach_the_output_and_zeros_are_no_kernels() -> None:
    assert literal("330100") == set()  # two convolutions that nobody reads
    assert literal("013311") == {"edge1_2", "edge0_3", "node2", "node3"}  # one of them convolves zeros, and runs

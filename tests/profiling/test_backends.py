"""Backends and the ONNX file: the same network, whoever runs it."""

import random
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from architectures import spaces
from architectures.ir.graph import Graph
from architectures.nets.module import build
from profiling.meters import backends
from profiling.meters.backends import BACKENDS, BackendAbsent, latency_by, with_folded_norms
from profiling.meters.onnx_file import onnx_file
from tests.codegen.networks import every_primitive
from tests.searches.evaluation.worlds import small_network


def networks() -> list[Graph]:
    shapes = {"chain": (3, 16, 16), "cell201": (3, 16, 16), "mobile": (3, 32, 32)}
    found = [every_primitive()]
    for name, shape in shapes.items():
        space = spaces.create(name, shape, 10)
        found += [space.decode(space.sample(random.Random(seed))) for seed in range(3)]
    cell = spaces.create("cell201", (3, 16, 16), 10)
    return [*found, cell.decode((0, 1, 3, 3, 4, 1), prune=False)]


@pytest.mark.parametrize("graph", networks(), ids=lambda graph: str(len(graph.nodes)))
def test_the_onnx_file_computes_what_torch_computes(graph: Graph) -> None:
    module = build(graph, seed=1).eval()
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    written = onnx_file(graph, weights, batch=2)
    onnx.checker.check_model(onnx.load_from_string(written), full_check=True)
    images = torch.randn((2, *graph.input_shape), generator=torch.Generator().manual_seed(0))
    session = onnxruntime.InferenceSession(written)
    (found,) = session.run(None, {"input": images.numpy()})
    with torch.inference_mode():
        assert np.abs(found - module(images).numpy()).max() < 1e-4


def test_the_same_graph_gives_the_same_bytes_and_lively_activations() -> None:
    graph = networks()[1]
    assert onnx_file(graph) == onnx_file(graph)
    (found,) = onnxruntime.InferenceSession(onnx_file(graph)).run(
        None, {"input": np.ones((1, *graph.input_shape), np.float32)}
    )
    assert 1e-3 < np.abs(found).max() < 1e3


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "compiled"])
def test_each_backend_is_measured_beside_the_reference(name: str) -> None:
    found = latency_by(name, small_network(), batch=2, most_seconds=0.3)
    assert found.value > 0
    assert found.details["backend"] == f"{name}, one thread, batch 2"
    assert found.details["images_per_s"] == pytest.approx(2000 / found.value)


@pytest.mark.parametrize("seed", range(4))
def test_folding_norms_changes_no_output(seed: int) -> None:
    space = spaces.create("chain", (3, 16, 16), 10)
    graph = space.decode(space.sample(random.Random(seed)))
    module = build(graph, seed=0).eval()
    for name, value in module.state_dict().items():
        if "running_var" in name:
            value.uniform_(0.5, 2, generator=torch.Generator().manual_seed(0))
    images = torch.randn((1, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(module(images), with_folded_norms(module, graph)(images), atol=1e-4)
    assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in module.modules())  # the copy was changed


def test_a_machine_without_a_compiler_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BackendAbsent, match="needs a C\\+\\+ compiler, and none is on the path"):
        backends.compiled(small_network(), 1, "cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_timed_by_its_own_events() -> None:
    found = latency_by("eager", small_network(), device="cuda", most_seconds=0.5)
    assert 0 < found.value < 100
    assert torch.cuda.get_device_name() in str(found.details["machine"])

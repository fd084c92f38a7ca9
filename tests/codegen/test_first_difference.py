"""The node of first difference: found among an export's values, whatever became one step, and told with the reason."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from architectures.ir.graph import Graph
from architectures.nets.module import build
from codegen import frameworks
from codegen.generate import Generation
from codegen.verification.first_difference import first_difference, is_roughly_close, node_values
from tests.codegen.networks import request
from tests.codegen.test_gate import network

ROOT = Path(__file__).parents[2]
IMAGES = np.random.default_rng(0).standard_normal((4, 1, 8, 8)).astype(np.float32)
SPOILT = "layer1.conv"


def values(graph: Graph, spoilt: str | None = None) -> dict[str, np.ndarray]:
    module = build(graph, seed=1).eval()
    if spoilt:
        with torch.no_grad():
            module.get_submodule(spoilt).weight.view(-1)[3] += 0.5  # type: ignore[operator]
    return node_values(module, graph, IMAGES)


def test_equal_values_have_no_first_difference() -> None:
    assert first_difference(network(), values(network()), values(network()).values()) == ""


@pytest.mark.parametrize("name", ["stem.conv", "layer1.conv", "layer1.norm", "head.linear"])
def test_the_spoilt_node_is_named(name: str) -> None:
    assert first_difference(network(), values(network()), values(network(), name).values()) == name


def test_a_step_that_an_export_does_not_hold_agrees_where_its_reader_does() -> None:
    held = {name: value for name, value in values(network()).items() if name != "stem.conv"}
    assert first_difference(network(), values(network()), held.values()) == ""


def test_channels_may_stand_last() -> None:
    moved = [v.transpose(0, 2, 3, 1) if v.ndim == 4 else v for v in values(network()).values()]
    assert first_difference(network(), values(network()), moved) == ""


def test_small_errors_of_int8_agree_and_large_ones_do_not() -> None:
    expected = values(network())
    random = np.random.default_rng(1)
    noisy = {name: v + random.normal(0, 0.02 * float(v.std()), v.shape) for name, v in expected.items()}
    assert first_difference(network(), expected, noisy.values(), is_roughly_close) == ""
    for name in ("layer1.pool", "layer1.add", "head.pool", "head.flatten", "head.linear"):
        noisy[name] = noisy[name] * 2
    assert first_difference(network(), expected, noisy.values(), is_roughly_close) == "layer1.pool"


EXPORT_SPOILT = """
import sys
from pathlib import Path
from safetensors.numpy import load_file, save_file
from codegen.generate import Generation, reference_module
from codegen.repository_request import RepositoryRequest
asked = RepositoryRequest.read(Path(sys.argv[1]))
reference = reference_module(asked, asked.graph)
made = Generation(asked, Path(sys.argv[2]), lambda message: None)
made.write(reference)
path = made.folder / "weights" / "model.safetensors"
arrays = load_file(path)
arrays[sys.argv[3] + ".weight"].flat[3] += 0.5
save_file(arrays, path)
made.export(reference)
import json
print(json.dumps([made.left_out, made.first_differences]))
"""


@pytest.mark.slow
def test_every_export_of_a_spoilt_weight_is_left_out_with_its_node(tmp_path: Path) -> None:
    exports = ("onnx", "pt2", "c", "keras")
    (tmp_path / "request.json").write_text(request(network(), exports=exports).dumps(), encoding="utf-8")
    given = [str(tmp_path / "request.json"), str(tmp_path / "repository"), SPOILT]
    command = [sys.executable, "-c", EXPORT_SPOILT, *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    left_out, nodes = json.loads(done.stdout.splitlines()[-1])
    assert nodes == dict.fromkeys(exports, SPOILT)
    assert all(why.startswith("logits differ by") for why in left_out.values())
    assert all(why.endswith(f"; the first difference appears at {SPOILT}") for why in left_out.values())


def test_an_extra_that_is_not_installed_is_left_out_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASPORTAL_EXTRAS", "nowhere")
    made = Generation(request(network(), exports=("onnx", "openvino")), Path("nowhere"), lambda message: None)
    made.kept = ("onnx",)
    wanted = "openvino is not installed here; `make extra NAME=openvino` puts it into an environment of its own"
    assert made.try_export("openvino", frameworks.get("openvino")(), None, None) == wanted

"""The gate: each way in which a repository can be wrong is caught by name."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from torch import nn

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, AvgPool, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, Relu
from codegen.generate import Generation, reference_module
from codegen.repository_request import RepositoryRequest
from codegen.verification.gate import Check, Gate
from tests.codegen.networks import request

SLOW = ("own tests",)  # run in test_generate.py
WEIGHTS = "weights and logits"


def network() -> Graph:
    """A square convolution, padding, a norm and a mean at borders: what mutations touch."""
    builder = Builder((1, 8, 8))
    with builder.scope("stem"):
        x = builder.add("conv", Conv2d(6), "input")
        x = builder.add("norm", BatchNorm(), x)
        x = builder.add("activation", Relu(), x)
    with builder.scope("layer1"):
        y = builder.add("conv", Conv2d(6, dilation=2, padding=2), x)
        y = builder.add("norm", BatchNorm(eps=1e-3, momentum=0.2), y)
        y = builder.add("pool", AvgPool(), y)
        x = builder.add("add", Add(), y, x)
    with builder.scope("head"):
        x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
        builder.add("linear", Linear(3), x)
    return builder.build()


@pytest.fixture(scope="module")
def asked() -> RepositoryRequest:
    return request(network(), data={"name": "pets", "labels": ["cat", "dog", "fox"]}, seed=7)


@pytest.fixture(scope="module")
def reference(asked: RepositoryRequest) -> nn.Module:
    module = reference_module(asked, asked.graph)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # statistics as after a training: fresh ones would hide a wrong eps
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.copy_(torch.randn(layer.num_features, generator=generator))  # type: ignore[union-attr]
                layer.running_var.copy_(torch.rand(layer.num_features, generator=generator) / 50)  # type: ignore[union-attr]
    return module.eval()


@pytest.fixture
def gate(asked: RepositoryRequest, reference: nn.Module, tmp_path: Path) -> Gate:
    """A repository as it leaves the printer."""
    Generation(asked, tmp_path, lambda message: None).write(reference)
    passed = {"verdict": "passed", "artefacts": [{"name": "pytorch", "verdict": "passed"}]}
    (tmp_path / "consistency.json").write_text(json.dumps(passed), encoding="utf-8")
    return Gate(tmp_path, asked, asked.graph, reference)


def failed(gate: Gate) -> dict[str, str]:
    return {check.name: check.detail for check in gate.examine(without=SLOW) if not check.passed}


def edit(gate: Gate, path: str, old: str, new: str) -> None:
    text = (gate.folder / path).read_text(encoding="utf-8")
    assert old in text
    (gate.folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_untouched_repository_passes(gate: Gate) -> None:
    checks = list(gate.examine(without=SLOW))
    assert failed(gate) == {}
    assert Check(WEIGHTS, True, "bijection, strict load, largest difference 0") in checks


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("padding=1, bias=False", "padding=0, bias=False"),
        ("padding=2, dilation=2", "padding=1, dilation=1"),
        ("eps=0.001", "eps=0.0011"),
        ("eps=0.001, ", ""),
        ("momentum=0.2", "momentum=0.8"),
        ("count_include_pad=False", "count_include_pad=True"),
        ("nn.AvgPool2d(", "nn.MaxPool2d("),
        ("self.pool(self.norm(self.conv(x))) + x", "self.pool(self.norm(self.conv(x)))"),
        ("F.relu(", "F.relu6("),
        ("images", "images * 0.999"),
    ],
)
def test_a_flipped_number_or_step_is_caught(gate: Gate, old: str, new: str) -> None:
    text = (gate.folder / "model.py").read_text(encoding="utf-8")
    old = old if old in text else old.replace(", count_include_pad=False", "")
    where = text.rindex(old) if old == "images" else text.index(old)
    if old == "nn.AvgPool2d(":
        text = text.replace(", count_include_pad=False", "")
    (gate.folder / "model.py").write_text(text[:where] + new + text[where + len(old) :], encoding="utf-8")
    assert WEIGHTS in failed(gate)


def changed_weights(gate: Gate, name: str, change: object) -> str:
    path = gate.folder / "weights" / "model.safetensors"
    arrays = load_file(path)
    arrays[name] = np.ascontiguousarray(change(arrays[name]))  # type: ignore[operator]
    save_file(arrays, path)
    return failed(gate)[WEIGHTS]


def test_a_transposed_weight_is_caught(gate: Gate) -> None:
    assert "differs by" in changed_weights(gate, "layer1.conv.weight", lambda weight: weight.swapaxes(0, 1))


def test_a_single_changed_value_is_caught(gate: Gate) -> None:
    assert "differs by" in changed_weights(
        gate, "head.linear.bias", lambda bias: bias + np.eye(1, 3)[0].astype("f") / 100
    )


def test_a_missing_weight_is_caught(gate: Gate) -> None:
    path = gate.folder / "weights" / "model.safetensors"
    arrays = load_file(path)
    del arrays["head.linear.bias"]
    save_file(arrays, path)
    assert failed(gate)[WEIGHTS] == "the weight file and the searched network differ in head.linear.bias"


def test_a_renamed_module_is_caught(gate: Gate) -> None:
    text = (gate.folder / "model.py").read_text(encoding="utf-8")
    (gate.folder / "model.py").write_text(text.replace("self.stem", "self.root"), encoding="utf-8")
    assert failed(gate)[WEIGHTS] == "model.py and the searched network differ in root.conv.weight"


def test_swapped_labels_are_caught(gate: Gate) -> None:
    edit(gate, "config.json", '"cat",\n  "dog"', '"dog",\n  "cat"')
    assert failed(gate) == {"architecture and configuration": "config.json has another labels than requested"}


def test_another_normalisation_is_caught(gate: Gate) -> None:
    edit(gate, "config.json", '"scale": 255.0', '"scale": 1.0')
    assert "normalisation" in failed(gate)["architecture and configuration"]


def test_another_architecture_is_caught(gate: Gate) -> None:
    edit(gate, "architecture.json", '"eps": 0.001', '"eps": 0.002')
    assert failed(gate)["architecture and configuration"] == "architecture.json is another network"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("WHERE = '/home/somebody/data'\n", "notes.txt holds the path /home/somebody/data"),
        ("saved in /tmp/run-17/x", "notes.txt holds the path /tmp/run-17/x"),
    ],
)
def test_a_path_of_this_machine_is_caught(gate: Gate, content: str, fault: str) -> None:
    (gate.folder / "notes.txt").write_text(content, encoding="utf-8")
    assert fault in failed(gate)["no absolute path, no pickle"]


def test_a_name_that_looks_like_a_path_is_the_users_own_affair(gate: Gate, reference: nn.Module) -> None:
    named = request(network(), name="/home/me/net", data={"name": "pets", "labels": ["/tmp/a/b", "dog", "fox"]}, seed=7)
    Generation(named, gate.folder, lambda message: None).write(reference)
    assert failed(Gate(gate.folder, named, named.graph, reference)) == {}


def test_a_pickle_is_caught_by_name_and_by_content(gate: Gate) -> None:
    (gate.folder / "weights" / "model.pt").write_bytes(b"anything")
    assert failed(gate)["no absolute path, no pickle"] == "weights/model.pt is a pickle"
    (gate.folder / "weights" / "model.pt").rename(gate.folder / "weights" / "model.dat")
    (gate.folder / "weights" / "model.dat").write_bytes(b"\x80\x04K\x01.")
    assert failed(gate)["no absolute path, no pickle"] == "weights/model.dat is a pickle"


def test_source_that_is_no_python_or_not_tidy_is_caught(gate: Gate) -> None:
    (gate.folder / "train.py").write_text("import os, sys\n", encoding="utf-8")
    assert "train.py" in failed(gate)["ruff"]
    (gate.folder / "train.py").write_text("def (:\n", encoding="utf-8")
    assert "train.py is no Python" in failed(gate)["sources compile"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("COPY weights", "COPY exports", "COPY exports: it is not here"),
        ("USER app\n", "", "it runs as root"),
        ("python:3.11-slim", "python", "the image python has no fixed tag"),
        ("EXPOSE", "EXPOES", "EXPOES is no instruction"),
        ('CMD ["python", ', 'CMD python "', "it must have one CMD, as a JSON list"),
    ],
)
def test_a_dockerfile_that_could_not_be_built_is_caught(gate: Gate, old: str, new: str, fault: str) -> None:
    edit(gate, "Dockerfile", old, new)
    assert failed(gate)["Dockerfile"] == fault


def test_a_failed_certificate_is_caught(gate: Gate) -> None:
    edit(gate, "consistency.json", '"verdict": "passed"}]', '"verdict": "failed"}]')
    assert failed(gate) == {"exports": "the certificate says that pytorch failed"}


def test_a_model_that_cannot_be_built_is_a_failed_check_not_a_crash(gate: Gate) -> None:
    edit(gate, "model.py", "class Model(", "class Other(")
    assert failed(gate)[WEIGHTS].startswith("NameError") or "KeyError" in failed(gate)[WEIGHTS]

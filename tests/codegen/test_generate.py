"""A whole generation, as the portal and `manage.py generate` start it: the gate passes, twice the same bytes."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from architectures.ir.json import dumps
from architectures.spaces import create
from codegen.generator_process import generate_in_child
from codegen.repository_request import RequestError
from nasportal.lib.installation import portal_version
from searches.evaluation import datasets
from tests.codegen.networks import request, small

STEPS = [
    *("eager", "dead nodes removed", "fused", "channels last", "bfloat16"),
    *("onnx, steps apart", "activation fusion", "onnx", "int8"),
]
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def digits_network() -> Any:
    space = create("chain", (1, 8, 8), 10)
    return space.decode(space.sample(Random(3)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """One repository of a digits network with every export, and its verdict."""
    out = tmp_path_factory.mktemp("generated")
    recipe = {"epochs": 2, "batch_size": 32, "learning_rate": 0.15, "augmentation": "auto"}
    asked = request(
        digits_network(),
        name="Digits – net №1",
        data=datasets.open("digits").card(),
        data_path="digits",
        training=recipe,
        exports=("onnx", "int8", "pt2", "c", "keras"),
    )
    verdict = generate_in_child(asked, out)
    (out / "asked.json").write_text(asked.dumps(), encoding="utf-8")
    return out, verdict


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the repository, without anything of the portal on its path."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def unzipped(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    out, verdict = made
    with zipfile.ZipFile(out / verdict["archive"]) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "digits-net-no1"


def test_the_gate_passes_with_every_export(made: tuple[Path, dict[str, Any]]) -> None:
    _, verdict = made
    assert [check["name"] for check in verdict["checks"] if not check["passed"]] == []
    assert verdict["verdict"] == "passed"
    assert verdict["left_out"] == {}
    assert [row["name"] for row in verdict["exports"]] == ["pytorch", "onnx", "int8", "pt2", "c", "keras"]
    assert all(row["accuracy"] is not None for row in verdict["exports"])
    assert verdict["exports"][1]["max_difference"] < 1e-4
    steps = [step["step"] for step in verdict["benchmark"]["steps"]]
    assert steps == STEPS
    assert all(step["accuracy"] is not None and step["bytes"] > 0 for step in verdict["benchmark"]["steps"])


def test_the_same_request_gives_the_same_bytes(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, verdict = made
    command = [sys.executable, "-m", "codegen.generate", str(out / "asked.json"), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"kind": ')]
    assert done.returncode == 0
    assert said[-1]["verdict"]["sha256"] == verdict["sha256"]
    assert [line["kind"] for line in said[:-1]] == ["progress"] * said[0]["steps"]
    assert json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))["sha256"] == verdict["sha256"]


def test_the_archive_holds_what_was_promised(unzipped: Path) -> None:
    wanted = """README.md LICENSE pyproject.toml requirements.txt requirements-train.txt Dockerfile Makefile
    .dockerignore .gitignore .github/workflows/ci.yml config.json architecture.json model.py data.py passes.py train.py
    inference.py deploy.py weights/model.safetensors exports/model.onnx exports/model.int8.onnx exports/model.pt2
    exports/c/model.c benchmarks/bench.py tests/test_model.py CONSISTENCY.md consistency.json MANIFEST.json"""
    assert [name for name in wanted.split() if not (unzipped / name).is_file()] == []
    required = (unzipped / "requirements.txt").read_text(encoding="utf-8")
    assert "torch" not in required
    assert required.count("==") == 3
    manifest = json.loads((unzipped / "MANIFEST.json").read_text(encoding="utf-8"))
    assert manifest["made_by"] == f"NAS Portal {portal_version()}"
    present = {path.relative_to(unzipped).as_posix() for path in unzipped.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == present - {"MANIFEST.json"}


def test_inference_runs_where_torch_cannot_be_imported(unzipped: Path, tmp_path: Path) -> None:
    picture = tmp_path / "digit.png"
    Image.fromarray(np.kron(np.eye(8, dtype=np.uint8) * 255, np.ones((4, 4), np.uint8))).save(picture)
    (unzipped / "torch.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    for backend in ("onnx", "int8"):
        done = run(unzipped, "inference.py", str(picture), "--json", "--backend", backend)
        assert done.returncode == 0, done.stderr
        (answer,) = json.loads(done.stdout)
        assert len(answer["classes"]) == 3
    assert "cannot" not in run(unzipped, "inference.py", str(picture)).stdout


def test_verify_tells_one_changed_value_from_none(unzipped: Path) -> None:
    done = run(unzipped, "deploy.py", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: passed" in done.stdout
    path = unzipped / "weights" / "model.safetensors"
    arrays = load_file(path)
    arrays["head.linear.bias"][0] += 1e-3
    save_file(arrays, path)
    done = run(unzipped, "deploy.py", "verify")
    assert done.returncode == 1
    assert "FAULT: weights/model.safetensors is not the file of the manifest" in done.stdout


def test_a_changed_value_is_found_by_its_logits_even_with_a_new_manifest(unzipped: Path) -> None:
    path = unzipped / "weights" / "model.safetensors"
    arrays = load_file(path)
    arrays["head.linear.bias"][0] += 1.0
    save_file(arrays, path)
    assert run(unzipped, "-c", "import certificate; certificate.renew_manifest()").returncode == 0
    done = run(unzipped, "deploy.py", "verify")
    assert done.returncode == 1
    assert "FAULT: pytorch: logits differ by" in done.stdout


def test_training_in_the_repository_learns_the_digits_and_can_be_delivered(unzipped: Path) -> None:
    done = run(unzipped, "train.py", "--epochs", "4", "--threads", "1", "--out", "runs/one")
    assert done.returncode == 0, done.stderr
    result = json.loads((unzipped / "runs" / "one" / "result.json").read_text(encoding="utf-8"))
    assert result["test_accuracy"] > 0.8
    (unzipped / "runs" / "one" / "model.safetensors").replace(unzipped / "weights" / "model.safetensors")
    assert run(unzipped, "deploy.py", "export", "onnx", "int8", "pt2", "c").returncode == 0
    done = run(unzipped, "deploy.py", "certify", "--renew")
    assert done.returncode == 0, done.stdout
    assert run(unzipped, "deploy.py", "verify").returncode == 0


def test_the_benchmark_compares_step_by_step(unzipped: Path) -> None:
    done = run(unzipped, "deploy.py", "benchmark", "--rounds", "3", "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert [step["step"] for step in measured["steps"]] == STEPS
    assert all(step["p50_ms"] > 0 for step in measured["steps"])
    plain, checkpointed = measured["training"]
    assert checkpointed["peak_bytes"] < plain["peak_bytes"]
    assert checkpointed["note"] == ""


@pytest.mark.chain(seconds=60)
def test_manage_py_generate_needs_no_environment_and_prints_the_verdict(tmp_path: Path) -> None:
    (tmp_path / "architecture.json").write_text(dumps(small()), encoding="utf-8")
    command = [sys.executable, str(ROOT / "manage.py"), "generate", "architecture.json", "--out", "repository"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([*command, "--frameworks", "pytorch,c,int8", "--json"], **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["verdict"] == "passed"
    assert verdict["left_out"] == {"int8": "it is made from onnx, which was left out"}
    assert (tmp_path / "repository" / "model.py").is_file()
    assert (tmp_path / "repository.zip").is_file()
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.json", "--out", "new"], "architecture cannot be read from missing.json"),
        (["architecture.json", "--out", "."], "--out must be a new or empty folder, or a generated repository"),
        (
            ["architecture.json", "--out", "new", "--frameworks", "onxx"],
            "no framework is named 'onxx'; did you mean 'onnx'?",
        ),
        (["architecture.json", "--out", "new", "--weights", "missing"], "weights cannot be loaded from missing"),
    ],
)
def test_manage_py_generate_refuses_bad_input_in_one_sentence(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "architecture.json").write_text(dumps(small()), encoding="utf-8")
    command = [sys.executable, str(ROOT / "manage.py"), "generate", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_network_that_has_no_printed_form_is_an_error_with_its_field(tmp_path: Path) -> None:
    broken = request(weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(RequestError, match=r"weights cannot be loaded from none\.safetensors"):
        generate_in_child(broken, tmp_path / "out")

"""Every export that was delivered computes what the network computes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import certificate
import deploy

EXPORTED = [
    name for name in certificate.artefacts() if name not in certificate.QUANTISED and certificate.is_runnable(name)
]


@pytest.mark.parametrize("name", EXPORTED)
def test_it_is_within_its_tolerance(name: str) -> None:
    row = certificate.examined(name, certificate.artefacts()[name], None)
    assert row["verdict"] == "passed", row["reason"]


@pytest.mark.parametrize("name", certificate.QUANTISED)
def test_the_int8_export_runs(name: str) -> None:
    path = certificate.artefacts().get(name)
    if path is None or not certificate.is_runnable(name):
        pytest.skip("this repository has no such export, as MANIFEST.json says, or nothing here runs it")
    images, expected = certificate.golden()
    assert certificate.runner(name, path)(images).shape == expected.shape


def test_each_file_is_the_one_of_the_manifest() -> None:
    assert list(certificate.changed()) == []


@pytest.fixture
def weights() -> Iterator[Path]:
    """The weight file, which the test may spoil."""
    path = certificate.ROOT / "weights" / "model.safetensors"
    kept = path.with_suffix(".kept")
    shutil.copyfile(path, kept)
    yield path
    kept.replace(path)


def test_verify_fails_when_one_weight_value_has_changed(
    weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = load_file(weights)
    name = next(name for name, array in arrays.items() if array.dtype == np.float32)
    arrays[name].flat[0] += 1.0
    save_file(arrays, weights)
    assert deploy.main(["verify"]) == 1
    assert "weights/model.safetensors is not the file of the manifest" in capsys.readouterr().out


def test_verify_passes_on_the_delivered_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["verify"]) == 0
    assert "verdict: passed" in capsys.readouterr().out

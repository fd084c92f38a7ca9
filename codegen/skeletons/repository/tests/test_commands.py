"""The command lines work: training lowers the loss, inference names a class, the server answers."""

import json
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inference
import serving
import train
from data import CONFIG, INPUT_SHAPE, LABELS, DataError, open_data, read_inputs, split_sha256

# The dataset of the search may be on another machine; the digits are everywhere.
DATA = "digits" if CONFIG["data"]["source"] == "digits" else "synthetic"
NO_ONNX = not inference.EXPORTS["onnx"].exists()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    channels, height, width = INPUT_SHAPE
    pixels = np.random.default_rng(1).integers(0, 256, (height * 2, width * 2, channels), np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels[..., :3]).save(path)
    return path


def test_smoke_training_lowers_the_loss(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--smoke", "--data", DATA, "--threads", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["fell"]


def test_training_in_full_resumes_and_writes_weights(tmp_path: Path) -> None:
    common = ["--data", "synthetic", "--batch-size", "128", "--threads", "1", "--out", str(tmp_path)]
    assert train.main([*common, "--epochs", "1"]) == 0
    assert train.main([*common, "--epochs", "2", "--resume", str(tmp_path / "checkpoint.pt")]) == 0
    assert (tmp_path / "model.safetensors").exists()


def test_the_splits_are_those_of_the_search() -> None:
    expected = CONFIG["data"].get("split_sha256")
    if DATA != "digits" or not expected:
        pytest.skip("the dataset of the search is not in this repository")
    assert split_sha256(open_data()) == expected


@pytest.mark.skipif(NO_ONNX, reason="no ONNX export")
def test_inference_names_the_likeliest_classes(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inference.main([str(picture), "--json", "--top", "2"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert len(answer["classes"]) == min(2, len(LABELS))
    assert answer["classes"][0]["label"] in LABELS


@pytest.mark.skipif(NO_ONNX, reason="no ONNX export")
def test_backends_agree_on_a_picture(picture: Path) -> None:
    images = read_inputs(picture)
    logits = [inference.backend(name)(images) for name in ("onnx", "torch")]
    np.testing.assert_allclose(*logits, atol=1e-4 * max(1.0, float(np.abs(logits[1]).max())), rtol=0)


def test_arrays_are_read_without_pickle(tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    np.save(path, np.zeros((3, *INPUT_SHAPE)))
    assert read_inputs(path).shape == (3, *INPUT_SHAPE)
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError):
        read_inputs(path)


def test_a_file_that_is_no_picture_is_one_clear_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text.png"
    path.write_text("no picture", encoding="utf-8")
    assert inference.main([str(path), "--backend", "torch"]) == 2
    assert "text.png is not a picture that can be read" in capsys.readouterr().err


@pytest.mark.skipif(NO_ONNX, reason="no ONNX export")
def test_the_server_answers(picture: Path) -> None:
    running = serving.server("127.0.0.1", 0, "onnx")
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{running.server_address[1]}/predict"
        with urllib.request.urlopen(urllib.request.Request(address, data=picture.read_bytes())) as answer:
            predictions = json.load(answer)["predictions"]
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
    assert predictions[0][0]["label"] in LABELS

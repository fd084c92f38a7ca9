"""The readers of a repository find the very splits that the search trained, validated and tested on."""

import gzip
import hashlib
import io
import json
import runpy
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from codegen import generate, skeletons
from codegen.repository_request import STANDARD
from codegen.sources.repository import sources
from codegen.sources.tree import SourceTree
from searches.evaluation import datasets
from searches.evaluation.datasets import stored
from tests.codegen.networks import request, sampled

READ = """
import json, sys, hashlib, numpy, data
found = data.open_data(sys.argv[1])
images, targets = found.split("train")
inputs = data.normalise(images)
print(json.dumps([data.split_sha256(found), hashlib.sha256(numpy.ascontiguousarray(found.images)).hexdigest(),
                  hashlib.sha256(found.targets).hexdigest(), float(inputs.mean()), float(inputs.std())]))
"""
Pixels = NDArray[np.uint8]


def arrays(channels: int, seed: int, count: int = 60) -> tuple[Pixels, NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    shape = (count, 8, 8) if channels == 1 else (count, 8, 8, channels)
    return random.integers(0, 256, shape, np.uint8), np.arange(count) % 3 + 4


def npz(folder: Path) -> Path:
    x, y = arrays(3, 1)
    np.savez(folder / "mine.npz", x=np.concatenate([x, x[:5]]), y=np.concatenate([y, y[:5]]))  # equal images
    return folder / "mine.npz"


def npz_with_test(folder: Path) -> Path:
    (x, y), (x_test, y_test) = arrays(1, 1), arrays(1, 2, 12)
    np.savez(folder / "mine.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return folder / "mine.npz"


def pictures(folder: Path, parts: dict[str, int], size: Callable[[int], tuple[int, int]] = lambda n: (8, 8)) -> Path:
    random = np.random.default_rng(3)
    for part, count in parts.items():
        for number in range(count):
            height, width = size(number)
            path = folder / "photos" / part / ("zebra", "ant", "dog")[number % 3] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8)).save(path)
    (folder / "photos" / "notes.txt").write_text("no picture", encoding="utf-8")
    return folder / "photos"


def plain_folder(folder: Path) -> Path:
    return pictures(folder, {"": 45})


def split_folder(folder: Path) -> Path:
    return pictures(folder, {"train": 30, "val": 9, "test": 9})


def uneven_folder(folder: Path) -> Path:
    return pictures(folder, {"": 45}, lambda number: (8 + number % 4, 12))


def padded_folder(folder: Path) -> Path:
    return folder / f"{uneven_folder(folder).name}?resize=pad,side=10"


def stretched_folder(folder: Path) -> Path:
    return folder / f"{uneven_folder(folder).name}?resize=stretch,side=9"


def uploaded(folder: Path) -> Path:
    """As the portal keeps it: plain arrays, which the generator reads for int8 and accuracy."""
    stored.write(datasets.open(str(padded_folder(folder))), folder / "datasets" / "uploads" / f"{7:032x}")
    return Path(f"{stored.SCHEME}{7:032x}")


def zipped(folder: Path) -> Path:
    root = pictures(folder, {"train": 30, "test": 9})
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return folder / "photos.zip"


def idx(folder: Path) -> Path:
    for stem, count, seed in (("train", 60, 1), ("t10k", 12, 2)):
        x, y = arrays(1, seed, count)
        head = b"\0\0\x08\x03" + np.array(x.shape, ">u4").tobytes()
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + x.tobytes()))
        body = b"\0\0\x08\x01" + np.array([count], ">u4").tobytes() + (y - 4).astype(np.uint8).tobytes()
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(body)
    return folder


def cifar(folder: Path, name: str, train: list[str], test: str, label_bytes: int, names: str) -> Path:
    """Random records in the makers' archive, where the portal looks for it."""
    random = np.random.default_rng(3)
    place = folder / "datasets" / name
    place.mkdir(parents=True)
    files = {names: b"a\nb\nc\n"}
    for part in (*train, test):
        records = random.integers(0, 256, (45, label_bytes + 3072), np.uint8)
        records[:, label_bytes - 1] = np.arange(45) % 3
        files[part] = records.tobytes()
    with tarfile.open(place / f"{name[:5]}-{name[5:]}-binary.tar.gz", "w:gz") as archive:
        for part, content in files.items():
            info = tarfile.TarInfo(f"batches/{part}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return Path(name)


def cifar10(folder: Path) -> Path:
    train = [f"data_batch_{number}.bin" for number in range(1, 6)]
    return cifar(folder, "cifar10", train, "test_batch.bin", 1, "batches.meta.txt")


def cifar100(folder: Path) -> Path:
    return cifar(folder, "cifar100", ["train.bin"], "test.bin", 2, "fine_label_names.txt")


def mnist(folder: Path) -> Path:
    place = folder / "datasets" / "mnist"
    place.mkdir(parents=True)
    for path in idx(folder).glob("*ubyte*"):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        (place / f"{path.name.removesuffix('.gz')}.gz").write_bytes(gzip.compress(content))
    return Path("mnist")


def svhn(folder: Path) -> Path:
    place = folder / "datasets" / "svhn"
    place.mkdir(parents=True)
    for part, count in (("train", 60), ("test", 30)):
        pixels = np.random.default_rng(count).integers(0, 256, (32, 32, 3, count), np.uint8)
        savemat(place / f"{part}_32x32.mat", {"X": pixels, "y": (np.arange(count) % 10 + 1)[:, None].astype(np.uint8)})
    return Path("svhn")


def digits(folder: Path) -> Path:
    return Path("digits")


KINDS = (
    digits,
    npz,
    npz_with_test,
    plain_folder,
    split_folder,
    uneven_folder,
    padded_folder,
    stretched_folder,
    uploaded,
    zipped,
    idx,
    mnist,
    cifar10,
    cifar100,
    svhn,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_reads_the_same_images_classes_and_splits(
    kind: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kind(tmp_path)
    monkeypatch.setenv("NASPORTAL_DATA", str(tmp_path))
    monkeypatch.setenv("DATASETS", str(tmp_path / "datasets"))
    dataset = datasets.open(str(path))
    graph = sampled(1, "chain", dataset.input_shape)
    card = dataset.card() | {"labels": [str(number) for number in range(graph.classes)]}
    tree = sources(request(graph, data=card), graph)
    settings = json.loads(tree.text("config.json")) | {"labels": list(dataset.labels)}
    SourceTree.of({**tree.files, "config.json": json.dumps(settings)}).write(tmp_path / "repository")
    monkeypatch.setattr(generate, "DATA_SETS", tmp_path / "datasets")
    given = str(path) if str(path) in STANDARD else generate.place_of(str(path))
    command = [sys.executable, "-c", READ, str(given)]
    done = subprocess.run(command, cwd=tmp_path / "repository", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    splits, images, targets, mean, deviation = json.loads(done.stdout)
    assert splits == dataset.split_sha256
    assert images == hashlib.sha256(np.ascontiguousarray(dataset.images)).hexdigest()
    assert targets == hashlib.sha256(np.ascontiguousarray(dataset.targets)).hexdigest()
    assert abs(mean) < 1e-4
    assert abs(deviation - 1) < 1e-2


def test_every_data_set_of_the_portal_is_read_by_name() -> None:
    names = runpy.run_path(str(Path(skeletons.__file__).parent / "repository" / "standard.py"))["FILES"]
    assert {"digits", *names} == set(STANDARD) == set(datasets.names())
    for name, files in names.items():
        official = datasets.registry.datasets.get(name).files
        assert files == {file.url: file.md5 for file in official}


def test_a_standard_set_that_is_not_here_is_one_sentence(tmp_path: Path) -> None:
    graph = sampled(1, "chain", (3, 32, 32))
    tree = sources(request(graph, data_path="cifar10"), graph)
    tree.write(tmp_path)
    assert json.loads(tree.text("config.json"))["data"]["source"] == "cifar10"
    command = [sys.executable, "train.py", "--smoke"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "cifar10 is not here; fetch it with `python standard.py cifar10`, or name a folder: --data" in done.stderr

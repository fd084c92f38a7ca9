"""Standard datasets by name: `python standard.py mnist` fetches one into datasets/, checked by its makers' MD5.

Files that you have already may be placed there by hand, or in the folder that DATASETS names.
"""

import gzip
import hashlib
import os
import sys
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
CIFAR = "https://www.cs.toronto.edu/~kriz/"
SVHN = "http://ufldl.stanford.edu/housenumbers/"
FILES: dict[str, dict[str, str]] = {
    "mnist": {
        f"{MNIST}{IDX[0]}.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        f"{MNIST}{IDX[1]}.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        f"{MNIST}{IDX[2]}.gz": "9fb629c4189551a2d022fa330f9573f3",
        f"{MNIST}{IDX[3]}.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    "fashion_mnist": {
        f"{FASHION}{IDX[0]}.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        f"{FASHION}{IDX[1]}.gz": "25c81989df183df01b3e8a0aad5dffbe",
        f"{FASHION}{IDX[2]}.gz": "bef4ecab320f06d8554ea6380940ec79",
        f"{FASHION}{IDX[3]}.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    "cifar10": {f"{CIFAR}cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
    "cifar100": {f"{CIFAR}cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"},
    "svhn": {
        f"{SVHN}train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
        f"{SVHN}test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
    },
}


class MissingData(ValueError):
    """A standard dataset that is not here; the message says how to get it."""


def folder_of(name: str) -> Path:
    folder = Path(os.environ.get("DATASETS", Path(__file__).with_name("datasets"))) / name
    missing = [file for file in map(file_name, FILES[name]) if not (folder / file).is_file()]
    if missing:
        raise MissingData(f"{name} is not here; fetch it with `python standard.py {name}`, or name a folder: --data")
    return folder


def kind_of(folder: Path) -> str | None:
    """Whose files a folder holds. MNIST's successors have MNIST's names, and need not be gzipped."""
    held = {path.name for path in folder.iterdir()}
    known = {name: set(map(file_name, urls)) for name, urls in FILES.items()}
    known["mnist"] = {name if name in held else f"{name}.gz" for name in IDX}
    return next((name for name, files in known.items() if files <= held), None)


def file_name(url: str) -> str:
    return url.rpartition("/")[2]


def arrays(name: str, folder: Path) -> tuple[Array, Array, int]:
    """Images (N, H, W) or (N, H, W, C) with class numbers, training part first, and how many are the test part's."""
    if name == "svhn":
        parts = [svhn(folder / file) for file in map(file_name, FILES[name])]
    elif name.startswith("cifar"):
        parts = cifar(folder / file_name(next(iter(FILES[name]))), fine=name == "cifar100")
    else:
        parts = idx(folder)
    images, targets = (np.concatenate(each) for each in zip(*parts, strict=True))
    return images, targets.astype(np.int64), len(parts[1][1])


def idx(folder: Path) -> list[tuple[Array, Array]]:
    """The four files of MNIST and its successors, gzipped or not."""
    x_train, y_train, x_test, y_test = (read_idx(folder, stem) for stem in IDX)
    return [(x_train, y_train), (x_test, y_test)]


def read_idx(folder: Path, stem: str) -> Array:
    file = next((each for each in (folder / stem, folder / f"{stem}.gz") if each.is_file()), folder / stem)
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        content = stream.read()
    sides = np.frombuffer(content, ">u4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sides)).reshape(sides)


def cifar(archive: Path, fine: bool) -> list[tuple[Array, Array]]:
    """The binary version: label bytes (CIFAR-100: a coarse one first), then 32×32 pixels plane by plane."""
    train = ["train.bin"] if fine else [f"data_batch_{number}.bin" for number in range(1, 6)]
    found: dict[str, bytes] = {}
    with tarfile.open(archive, "r:gz") as packed:
        for member in packed:
            stream = packed.extractfile(member) if member.isfile() else None
            if stream and member.name.endswith(".bin"):
                found[member.name.rpartition("/")[2]] = stream.read()
    label_bytes = 2 if fine else 1
    parts = []
    for names in (train, ["test.bin" if fine else "test_batch.bin"]):
        content = b"".join(found[name] for name in names)
        records = np.frombuffer(content, np.uint8).reshape(-1, label_bytes + 3072)
        images = records[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        parts.append((images, records[:, label_bytes - 1]))
    return parts


def svhn(path: Path) -> tuple[Array, Array]:
    """The cropped digits; MATLAB's class 10 stands for the digit 0."""
    from scipy.io import loadmat  # comes with scikit-learn

    held = loadmat(str(path), variable_names=["X", "y"])
    return held["X"].transpose(3, 0, 1, 2), held["y"].reshape(-1) % 10


def fetch(name: str) -> Path:
    folder = Path(os.environ.get("DATASETS", Path(__file__).with_name("datasets"))) / name
    folder.mkdir(parents=True, exist_ok=True)
    for url, md5 in FILES[name].items():
        path = folder / file_name(url)
        if path.is_file():
            continue
        print(f"fetching {url}")
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise MissingData(f"{url} sent another file than its makers published; try again")
        path.write_bytes(content)
    return folder


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in FILES:
        sys.exit(f"usage: python standard.py {'|'.join(FILES)}")
    print(fetch(sys.argv[1]))

"""The dataset: its readers, the fixed splits of the search, and one normalisation for training and inference.

`python data.py PATH` says what a file or folder holds, and whether its splits are those of the search.
"""

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

import standard

Array = NDArray[Any]
Floats = NDArray[np.float32]

CONFIG: dict[str, Any] = json.loads(Path(__file__).with_name("config.json").read_text(encoding="utf-8"))
INPUT_SHAPE: tuple[int, int, int] = tuple(CONFIG["input_shape"])
LABELS: list[str] = CONFIG["labels"]
SCALE: float = CONFIG["normalisation"]["scale"]  # pixels of the dataset go from 0 to this
RESIZE: str = CONFIG["data"].get("resize", "crop")  # how pictures get the network's size: crop, pad or stretch
MEAN = np.array(CONFIG["normalisation"]["mean"], np.float32).reshape(-1, 1, 1)
STD = np.array(CONFIG["normalisation"]["std"], np.float32).reshape(-1, 1, 1)

SPLITS = ("train", "validation", "test")
SPLIT_SEED = "nas-portal split, version 1"  # the splits depend on the images alone
MAX_PIXELS = 40_000_000  # of one picture, before it is made smaller
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class DataError(ValueError):
    """Data that cannot be read; the message says what was expected."""


@dataclass(frozen=True)
class DataSet:
    """All images with their class numbers; `split` gives a part of them."""

    images: Array  # (N, C, H, W), as stored
    targets: NDArray[np.int64]  # (N,)
    rows: dict[str, NDArray[np.int64]]

    def split(self, name: str) -> tuple[Array, NDArray[np.int64]]:
        return self.images[self.rows[name]], self.targets[self.rows[name]]


def normalise(pixels: Array, scale: float = SCALE) -> Floats:
    """Stored pixels (N, C, H, W) to what the network takes."""
    return (pixels.astype(np.float32) / np.float32(scale) - MEAN) / STD


def open_data(source: str | None = None) -> DataSet:
    """The dataset of the search, a standard one by name, an npz file, a folder of class folders, or `synthetic`."""
    source = source or CONFIG["data"]["source"]
    if source == "digits":
        return digits()
    if source == "synthetic":
        return synthetic()
    if source in standard.FILES:
        try:
            return standard_set(source, standard.folder_of(source))
        except standard.MissingData as error:
            raise DataError(str(error)) from error
    if source is None:
        raise DataError(
            "its dataset is not part of this repository; name it: --data FILE.npz, --data FILE.zip or --data FOLDER "
            "(README.md says which), or --data synthetic to try the programs"
        )
    path = Path(source)
    if path.is_dir():
        if (path / "images.npy").is_file():
            return arrays(path)
        kind = standard.kind_of(path)
        return standard_set(kind, path) if kind else folder(path)
    if path.suffix in (".npz", ".zip") and path.is_file():
        return npz(path) if path.suffix == ".npz" else packed(path)
    names = ", ".join(("digits", "synthetic", *standard.FILES))
    raise DataError(f"data must be {names}, an .npz or .zip file or a folder of class folders, not {source}")


def digits() -> DataSet:
    """scikit-learn's 1,797 handwritten digits, 8×8 grey values from 0 to 16."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return dealt(bunch.images.astype(np.uint8)[:, None], bunch.target.astype(np.int64))


def npz(path: Path) -> DataSet:
    """`x, y` or `x_train, y_train[, x_test, y_test]`; images are (N, H, W) or (N, H, W, C)."""
    with np.load(path, allow_pickle=False) as arrays:
        names = set(arrays.files)
        suffix = "" if {"x", "y"} <= names else "_train"
        if not {f"x{suffix}", f"y{suffix}"} <= names:
            raise DataError(f"{path.name} must hold x and y, or x_train and y_train, but holds {sorted(names)}")
        parts = [(arrays[f"x{suffix}"], arrays[f"y{suffix}"])]
        if {"x_test", "y_test"} <= names:
            parts.append((arrays["x_test"], arrays["y_test"]))
    values = np.unique(parts[0][1])
    if len(values) != len(LABELS):
        raise DataError(f"{path.name} has {len(values)} classes, but the network has {len(LABELS)}")
    images = np.concatenate([channels_first(x, path.name) for x, _ in parts])
    targets = np.concatenate([np.searchsorted(values, y.reshape(-1)) for _, y in parts]).astype(np.int64)
    return dealt(images, targets, test=len(targets) - len(parts[0][0]))


def channels_first(x: Array, name: str) -> Array:
    x = x[..., None] if x.ndim == 3 else x
    if x.ndim != 4 or (x.shape[3], *x.shape[1:3]) != INPUT_SHAPE:
        channels, height, width = INPUT_SHAPE
        raise DataError(f"{name} must hold images (N, {height}, {width}, {channels}), but has {x.shape}")
    return np.ascontiguousarray((x if x.dtype == np.uint8 else x.astype(np.float32)).transpose(0, 3, 1, 2))


def arrays(path: Path) -> DataSet:
    """images.npy (N, C, H, W) and targets.npy, and the rows of each split: train.npy, validation.npy, test.npy."""
    images, targets, *rows = (
        np.load(path / f"{name}.npy", allow_pickle=False) for name in ("images", "targets", *SPLITS)
    )
    if images.shape[1:] != INPUT_SHAPE:
        raise DataError(f"{path.name} must hold images of {INPUT_SHAPE}, but has {images.shape[1:]}")
    return DataSet(images, targets, dict(zip(SPLITS, rows, strict=True)))


def standard_set(name: str, folder: Path) -> DataSet:
    """MNIST and its successors, CIFAR, SVHN, out of their makers' files; test images are theirs too."""
    images, targets, test = standard.arrays(name, folder)
    return dealt(channels_first(images, name), targets, test=test)


def pictures(name: str, files: dict[str, Callable[[], bytes]]) -> DataSet:
    """`class/picture.png`, or `train/class/picture.png` with validation and test beside it."""
    found = {PurePosixPath(path).parts: read for path, read in files.items() if path.lower().endswith(PICTURES)}
    found = {parts: read for parts, read in found.items() if "__MACOSX" not in parts and parts[-1][0] != "."}
    while len({parts[0] for parts in found}) == 1 and min(map(len, found)) > 2:  # a folder round everything
        found = {parts[1:]: read for parts, read in found.items()}
    is_split = bool(found) and {parts[0].lower() for parts in found} <= set(SPLIT_FOLDERS)
    rows = [(SPLIT_FOLDERS[p[0].lower()] if is_split else "train", p[is_split], p) for p in sorted(found)]
    labels = sorted({label for _, label, _ in rows})
    if len(labels) != len(LABELS):
        raise DataError(f"{name} has {len(labels)} class folders, but the network has {len(LABELS)} classes")
    rows.sort(key=lambda row: SPLITS.index(row[0]))  # stable: the order of paths stays within a split
    images = np.stack([read_picture(io.BytesIO(found[parts]())) for _, _, parts in rows])
    targets = np.array([labels.index(label) for _, label, _ in rows], np.int64)
    counts = {name: sum(row[0] == name for row in rows) for name in SPLITS}
    return dealt(images, targets, validation=counts["validation"], test=counts["test"])


def folder(path: Path) -> DataSet:
    files = [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return pictures(path.name, {file.relative_to(path).as_posix(): file.read_bytes for file in files})


def packed(path: Path) -> DataSet:
    """A zip of such a folder; nothing is unpacked to disk."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        return pictures(path.name, {name: partial(archive.read, name) for name in names})


def read_picture(file: Path | io.BytesIO) -> NDArray[np.uint8]:
    """A picture as (C, H, W) of the network's size, 0 to 255; one of another size is brought to it by RESIZE."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    channels, height, width = INPUT_SHAPE
    name = file.name if isinstance(file, Path) else "the picture"
    try:
        with Image.open(file) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise DataError(f"{name} has {opened.width * opened.height:,} pixels; at most {MAX_PIXELS:,} are read")
            picture = eight_bits(ImageOps.exif_transpose(opened)).convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} is not a picture that can be read: {error}") from error
    if picture.size != (width, height):
        picture = resized(picture, width, height)
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def resized(picture: Any, width: int, height: int) -> Any:
    """By the rule of the search: its middle square, the whole of it with black bars, or its sides stretched."""
    from PIL import Image

    if RESIZE == "pad":
        share = min(height / picture.height, width / picture.width)
        inner = max(1, round(picture.width * share)), max(1, round(picture.height * share))
        whole = Image.new(picture.mode, (width, height))
        whole.paste(
            picture.resize(inner, Image.Resampling.BILINEAR), ((width - inner[0]) // 2, (height - inner[1]) // 2)
        )
        return whole
    if RESIZE == "crop":
        short = min(picture.size)
        left, top = (picture.width - short) // 2, (picture.height - short) // 2
        picture = picture.crop((left, top, left + short, top + short))
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def eight_bits(picture: Any) -> Any:
    """16-bit grey keeps its upper byte."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))


def read_inputs(file: Path) -> Floats:
    """A picture, or an .npy file of one or more images with the dataset's pixel values, ready for the network."""
    if file.suffix.lower() != ".npy":
        return normalise(read_picture(file)[None], 255.0)
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{file.name} is not an .npy file that can be read: {error}") from error
    channels, height, width = INPUT_SHAPE
    if array.shape[-2:] == (height, width) and array.size % (channels * height * width) == 0:
        return normalise(array.reshape(-1, channels, height, width))
    if array.shape[-3:] == (height, width, channels):
        return normalise(array.reshape(-1, height, width, channels).transpose(0, 3, 1, 2))
    raise DataError(f"{file.name} must hold images of {INPUT_SHAPE}, but has the shape {array.shape}")


def synthetic(images: int = 512) -> DataSet:
    """Classes that are easy to tell apart: for smoke tests where the real data is not at hand."""
    random = np.random.default_rng(0)
    patterns = random.uniform(0.0, SCALE, (len(LABELS), *INPUT_SHAPE))
    targets = np.arange(images) % len(LABELS)
    noisy = patterns[targets] + random.normal(0.0, SCALE / 8, (images, *INPUT_SHAPE))
    rows = dict(zip(SPLITS, np.split(np.arange(images), [images // 2, images * 3 // 4]), strict=True))
    return DataSet(noisy.clip(0, SCALE).astype(np.float32), targets.astype(np.int64), rows)


def dealt(images: Array, targets: NDArray[np.int64], validation: int = 0, test: int = 0) -> DataSet:
    """The splits of the search. Given parts (the last `test` images, `validation` before them) stay; missing ones are
    dealt out of the training part."""
    training = len(targets) - validation - test
    rows = {
        "validation": np.arange(training, training + validation, dtype=np.int64),
        "test": np.arange(training + validation, len(targets), dtype=np.int64),
    }
    missing = [name for name in ("validation", "test") if not len(rows[name])]
    shares = [0.2 if training < 10_000 else 0.1] * len(missing)
    rows |= dict(zip(("train", *missing), stratified(images[:training], targets[:training], shares), strict=True))
    return DataSet(np.ascontiguousarray(images), targets, rows)


def stratified(images: Array, targets: NDArray[np.int64], shares: list[float]) -> list[NDArray[np.int64]]:
    """Row numbers: what is left for training, then a part for each share. Equal images stay together."""
    groups: dict[bytes, list[int]] = {}
    for row, pixels in enumerate(np.ascontiguousarray(images).reshape(len(images), -1)):
        groups.setdefault(hashlib.blake2b(pixels, digest_size=16).digest(), []).append(row)
    by_class: dict[int, list[list[int]]] = {}
    for members in groups.values():
        by_class.setdefault(int(targets[members[0]]), []).append(members)
    parts: list[list[int]] = [[] for _ in range(len(shares) + 1)]
    for number in sorted(by_class):
        waiting = list(by_class[number])
        Random(f"{SPLIT_SEED}/{number}").shuffle(waiting)
        total = sum(map(len, waiting))
        for index in range(len(shares), 0, -1):
            chosen: list[int] = []
            while waiting and len(chosen) < max(1, round(total * shares[index - 1])):
                chosen += waiting.pop()
            parts[index] += chosen
        parts[0] += [row for members in waiting for row in members]
    return [np.array(sorted(part), np.int64) for part in parts]


def split_sha256(dataset: DataSet) -> str:
    """Equal to the hash in config.json when these are the splits of the search."""
    digest = hashlib.sha256()
    for name in SPLITS:
        digest.update(f"{name} {len(dataset.rows[name])}\n".encode())
        digest.update(np.ascontiguousarray(dataset.rows[name]))
    return digest.hexdigest()


def batches(dataset: DataSet, split: str, size: int = 256) -> Iterator[tuple[Floats, NDArray[np.int64]]]:
    images, targets = dataset.split(split)
    for start in range(0, len(targets), size):
        yield normalise(images[start : start + size]), targets[start : start + size]


def accuracy(predict: Callable[[Floats], Array], dataset: DataSet, split: str = "test") -> float:
    """The share of a split's images that `predict` (images to logits) puts into their class."""
    right = sum(int((predict(images).argmax(1) == targets).sum()) for images, targets in batches(dataset, split))
    return right / len(dataset.rows[split])


def main(source: str | None) -> int:
    try:
        dataset = open_data(source)
    except (DataError, OSError) as error:
        print(f"data: {error}", file=sys.stderr)
        return 2
    sizes = ", ".join(f"{len(dataset.rows[name]):,} for {name}" for name in SPLITS)
    same = CONFIG["data"].get("split_sha256") == split_sha256(dataset)
    print(f"{sizes}; {'the splits of the search' if same else 'not the splits of the search'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if sys.argv[1:] else None))

"""npz files of users: what is read, and what is refused in one sentence that names the way out."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from searches.evaluation import datasets
from searches.evaluation.datasets import DataSetError
from tests.searches.evaluation.worlds import images, npz


def test_it_reads_x_and_y_and_splits_them(tmp_path: Path) -> None:
    x, y = images(60)
    found = datasets.open(npz(tmp_path / "three.npz", x=x, y=y))
    assert (found.name, found.input_shape, found.classes) == ("three", (1, 8, 8), 3)
    assert {name: len(rows) for name, rows in found.splits.items()} == {"train": 36, "validation": 12, "test": 12}
    assert found.class_counts("validation") == (4, 4, 4)


def test_it_keeps_a_given_test_part_as_the_test_split(tmp_path: Path) -> None:
    x, y = images(60)
    more, labels = images(30, seed=1)
    found = datasets.open(npz(tmp_path / "a.npz", x_train=x, y_train=y, x_test=more, y_test=labels))
    pixels, targets = found.split("test")
    assert np.array_equal(pixels[:, 0], more)
    assert np.array_equal(targets, labels)
    assert len(found.splits["train"]) + len(found.splits["validation"]) == 60


def test_it_reads_colour_images_with_channels_last(tmp_path: Path) -> None:
    x, y = images(60)
    colour = np.stack([x, x // 2, x // 3], axis=-1)
    found = datasets.open(npz(tmp_path / "a.npz", x=colour, y=y))
    assert found.input_shape == (3, 8, 8)
    assert np.array_equal(found.images[5, 1], x[5] // 2)


def test_pictures_are_augmented_as_from_a_folder_and_other_numbers_are_not(tmp_path: Path) -> None:
    x, y = images(60)
    colour = np.stack([x, x // 2, x // 3], axis=-1)
    kinds = {"grey": x, "colour": colour, "spectra": x / 7, "floats": colour / 255}
    found = {name: datasets.open(npz(tmp_path / f"{name}.npz", x=x, y=y)).augmentation for name, x in kinds.items()}
    assert found == {"grey": "shift", "colour": "flip_crop", "spectra": "none", "floats": "none"}


def test_it_numbers_classes_from_zero_and_keeps_their_values_as_labels(tmp_path: Path) -> None:
    x, y = images(60)
    found = datasets.open(npz(tmp_path / "a.npz", x=x, y=y * 10 + 5))
    assert found.labels == ("5", "15", "25")
    assert set(found.targets) == {0, 1, 2}


@pytest.mark.parametrize(("factor", "scale"), [(1.0, 255.0), (1 / 255, 1.0)])
def test_it_tells_the_range_of_float_pixels(tmp_path: Path, factor: float, scale: float) -> None:
    x, y = images(60)
    found = datasets.open(npz(tmp_path / "a.npz", x=(x * factor).astype("float64"), y=y))
    assert found.scale == scale
    assert found.images.dtype == np.float32
    assert any("float pixels" in note for note in found.notes)


def test_equal_images_share_a_split(tmp_path: Path) -> None:
    x, y = images(60)
    found = datasets.open(npz(tmp_path / "a.npz", x=np.repeat(x, 2, axis=0), y=np.repeat(y, 2)))
    assert found.duplicates_across_splits == 0
    assert any("more than once" in note for note in found.notes)


def test_it_says_when_classes_are_unequal(tmp_path: Path) -> None:
    x, _ = images(60)
    y = np.array([0] * 50 + [1] * 10)
    assert any("unequal" in note for note in datasets.open(npz(tmp_path / "a.npz", x=x, y=y)).notes)


def with_(**changes: Any) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        x, y = images(60)
        return npz(path, **{"x": x, "y": y, **changes})

    return write


def raw_member(header: bytes, body: bytes) -> Callable[[Path], Path]:
    """An npz whose x is written by hand."""

    def write(path: Path) -> Path:
        y = io.BytesIO()
        np.save(y, images(60)[1])
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body)
            archive.writestr("y.npy", y.getvalue())
        return path

    return write


def member(content: bytes) -> Callable[[Path], Path]:
    """An npz whose x is no array."""

    def write(path: Path) -> Path:
        with zipfile.ZipFile(with_()(path), "a") as archive:
            held = {each.filename: archive.read(each) for each in archive.infolist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, was in held.items():
                archive.writestr(name, content if name == "x.npy" else was)
        return path

    return write


def header(text: str) -> bytes:
    return text.encode().ljust(117) + b"\n"


HOSTILE: list[tuple[str, Callable[[Path], Path], str]] = [
    ("objects", with_(y=np.array([{}] * 60, dtype=object)), "holds Python objects"),
    (
        "a shape of 10^9",
        raw_member(header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 8, 8)}"), b"0"),
        "claims",
    ),
    (
        "a negative shape",
        raw_member(header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 8, 8)}"), b"0"),
        "negative side",
    ),
    (
        "an overflowing shape",
        raw_member(header("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"), b""),
        "claims",
    ),
    ("code in the header", raw_member(header("__import__('os').system('true')"), b""), "cannot be read"),
    ("other lengths", with_(y=np.zeros(59, dtype=int)), "x has 60 images but y has 59 labels"),
    ("NaN pixels", with_(x=np.full((60, 8, 8), np.nan, dtype="f4")), "NaN or infinite"),
    ("infinite pixels", with_(x=np.full((60, 8, 8), -np.inf, dtype="f8")), "NaN or infinite"),
    ("complex pixels", with_(x=np.zeros((60, 8, 8), dtype="c8")), "use uint8 or a float type"),
    ("a bare pickle as x", member(b"\x80\x04cposix\nsystem\n(S'true'\ntR."), "array 'x' cannot be read"),
    ("an unknown version", member(b"\x93NUMPY\x09\x00" + bytes(200)), "npy version 9.0"),
    ("fractional labels", with_(y=np.linspace(0, 2, 60)), "y must hold integers, but is float64"),
    ("negative labels", with_(y=np.arange(60) % 3 - 1), "y has the class -1"),
    ("one class", with_(y=np.zeros(60, dtype=int)), "a classification needs at least 2"),
    ("no rows", with_(x=np.zeros((0, 8, 8), "u1"), y=np.zeros(0, int)), "x has 0 images"),
    ("channels first", with_(x=np.zeros((60, 3, 32, 32), "u1")), "use x.transpose(0, 2, 3, 1)"),
    ("text pixels", with_(x=np.full((60, 8, 8), "a")), "use uint8 or a float type"),
    ("a flat x", with_(x=np.zeros((60, 64), "u1")), "(N, H, W) or (N, H, W, C)"),
    ("one-hot labels", with_(y=np.eye(3, dtype=int)[np.arange(60) % 3]), "one class number per image"),
    ("huge images", with_(x=np.zeros((60, 4, 600), "u1")), "sides from 4 to 512"),
    ("a rare class", with_(y=np.array([0] * 58 + [1] * 2)), "class '1' has 2 images"),
    ("half a test part", with_(x_test=np.zeros((3, 8, 8), "u1")), "only one of x_test and y_test"),
    (
        "an unknown class in the test part",
        with_(x_test=np.zeros((3, 8, 8), "u1"), y_test=np.array([0, 1, 9])),
        "which y lacks",
    ),
]


@pytest.mark.parametrize(("what", "write", "message"), HOSTILE, ids=[what for what, _, _ in HOSTILE])
def test_it_refuses(what: str, write: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.npz")
    with pytest.raises(DataSetError) as refusal:
        datasets.open(path)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == [path]


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_no_pickle_of_a_stranger_is_ever_loaded(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=np.array([Payload(tmp_path / "ran")] * 3, dtype=object), y=np.arange(3))
    with pytest.raises(DataSetError, match="array 'x' holds Python objects, which are never read; use numbers"):
        datasets.open(path)
    assert list(tmp_path.iterdir()) == [path]


def test_it_refuses_a_file_without_the_arrays(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"a.npz has images, but needs x and y, or x_train and y_train"):
        datasets.open(npz(tmp_path / "a.npz", images=np.zeros(3)))


def test_it_refuses_a_bare_pickle_named_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"\x80\x04cposix\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataSetError, match="not a readable zip archive"):
        datasets.open(path)


@pytest.mark.slow
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(96):
            member.write(bytes(32 * 2**20))
    assert path.stat().st_size < 4 * 2**20
    tracemalloc.start()
    with pytest.raises(DataSetError, match=r"unpacks to 3,221,225,472 bytes; at most 2,147,483,648"):
        datasets.open(path)
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()

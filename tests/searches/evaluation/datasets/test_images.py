"""Folders and zips of image files: what is read, and what is refused by name."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from searches.evaluation import datasets
from searches.evaluation.datasets import DataSetError


def png(mode: str = "L", size: tuple[int, int] = (8, 8), value: int = 0) -> bytes:
    colour = value if mode in ("L", "I;16", "P") else tuple([value] * len(Image.new(mode, (1, 1)).getbands()))
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "TIFF" if mode == "CMYK" else "PNG")
    return stream.getvalue()


def fill(root: Path, classes: tuple[str, ...] = ("cats", "dogs"), count: int = 5, mode: str = "L") -> Path:
    for number, label in enumerate(classes):
        (root / label).mkdir(parents=True)
        for index in range(count):
            (root / label / f"{index}.png").write_bytes(png(mode, value=number * 100 + index))
    return root


def zipped(root: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, f"wrapper/{file.relative_to(root)}")
    return path


def test_a_folder_has_a_class_a_folder(tmp_path: Path) -> None:
    found = datasets.open(fill(tmp_path / "pets"))
    assert (found.name, found.input_shape, found.labels) == ("pets", (1, 8, 8), ("cats", "dogs"))
    assert found.images[found.targets == 1].min() == 100


def test_a_zip_of_it_is_the_same_set(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    packed = datasets.open(zipped(folder, tmp_path / "pets.zip"))
    assert (packed.sha256, packed.split_sha256) == (datasets.open(folder).sha256, datasets.open(folder).split_sha256)


def test_split_folders_are_kept(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        fill(tmp_path / "pets" / split, count=count)
    found = datasets.open(tmp_path / "pets")
    assert {name: len(rows) for name, rows in found.splits.items()} == {"train": 12, "validation": 4, "test": 6}
    assert not any("split off" in note for note in found.notes)


def test_unequal_sizes_are_cropped_and_resized_and_it_says_so(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    (folder / "cats" / "wide.png").write_bytes(png(size=(40, 10), value=9))
    found = datasets.open(folder)
    assert found.input_shape == (1, 8, 8)
    assert any("images of 2 sizes were cropped" in note for note in found.notes)


def striped(root: Path) -> Path:
    """Pictures of 8×24: dark, bright, dark, and a square one."""
    for number, label in enumerate(("cats", "dogs")):
        (root / label).mkdir(parents=True)
        for index in range(4):
            pixels = np.zeros((8, 24), dtype=np.uint8)
            pixels[:, 8:16] = 200 + 10 * number + index
            Image.fromarray(pixels).save(root / label / f"{index}.png")
    Image.fromarray(np.full((12, 12), 9, dtype=np.uint8)).save(root / "cats" / "square.png")
    return root


@pytest.mark.parametrize(
    ("rule", "left", "top", "note"),
    [
        ("crop", 200, 200, "cropped to a square and resized to 12×12"),
        ("pad", 0, 0, "padded with black to a square and resized to 12×12"),
        ("stretch", 0, 200, "were resized to 12×12"),
    ],
)
def test_the_user_chooses_how_pictures_become_one_size(
    rule: str, left: int, top: int, note: str, tmp_path: Path
) -> None:
    found = datasets.open(f"{striped(tmp_path / 'pets')}?resize={rule},side=12")
    assert found.input_shape == (1, 12, 12)
    picture = found.images[found.targets == 0][0, 0]
    assert (picture[6, 0] >= left and picture[6, 0] < left + 50, picture[0, 6] >= top, picture[6, 6] >= 200) == (
        True,
    ) * 3
    assert (picture[0, 6] == 0) == (rule == "pad")
    assert any(note in each for each in found.notes)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("resize=squeeze", "resize must be one of crop, pad, stretch, but is 'squeeze'"),
        ("side=2", "side must be from 4 to 512 pixels, but is 2"),
        ("side=x", "side must be a number of pixels, but is 'x'"),
        ("colour=red", "'colour' is no option of a dataset; there are: resize=crop|pad|stretch, side=PIXELS"),
    ],
)
def test_a_rule_that_there_is_not_is_refused(written: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataSetError) as refusal:
        datasets.open(f"{fill(tmp_path / 'pets')}?{written}")
    assert str(refusal.value) == message


def test_arrays_have_no_rule(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 8, 8), np.uint8), y=np.array([0, 1, 0, 1]))
    with pytest.raises(DataSetError, match=r"a\.npz holds arrays, whose images are of one size"):
        datasets.open(f"{tmp_path / 'a.npz'}?resize=pad")


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 1), ("1", 1), ("LA", 1), ("RGB", 3), ("RGBA", 3), ("P", 3), ("CMYK", 3)]
)
def test_every_mode_becomes_grey_or_colour(mode: str, channels: int, tmp_path: Path) -> None:
    found = datasets.open(fill(tmp_path / "pets", mode=mode))
    assert found.input_shape == (channels, 8, 8)


def test_a_cmyk_jpeg_and_a_palette_with_transparency_become_colour(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", mode="RGB")
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(folder / "cats" / "print.jpg")  # cyan
    Image.new("P", (8, 8), 0).save(folder / "cats" / "holes.png", transparency=0)
    found = datasets.open(folder)
    assert found.input_shape == (3, 8, 8)
    cyan = (found.images[:, 0] < 20) & (found.images[:, 1:] > 200).all(axis=1)
    assert cyan.all(axis=(1, 2)).sum() == 1


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    (folder / "cats" / "deep.png").write_bytes(png("I;16", value=0x8000))
    found = datasets.open(folder)
    assert (found.images == 0x80).all(axis=(1, 2, 3)).any()


def test_grey_images_among_colour_ones_become_colour(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets", mode="RGB")
    (folder / "cats" / "grey.png").write_bytes(png("L", value=77))
    found = datasets.open(folder)
    assert found.input_shape == (3, 8, 8)
    assert (found.images == 77).all(axis=(1, 2, 3)).any()


def test_an_image_is_turned_upright(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    image = Image.fromarray(
        np.repeat(np.array([[0] * 4 + [255] * 4], dtype=np.uint8), 8, axis=0)
    )  # dark left, bright right
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by a quarter
    image.save(folder / "cats" / "turned.png", exif=exif)
    found = datasets.open(folder)
    turned = found.images[(found.images == 255).any(axis=(1, 2, 3))][0, 0]
    assert turned[0].max() == 0
    assert turned[-1].min() == 255


def test_other_files_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    (folder / "README.md").write_text("pets")
    (folder / ".DS_Store").write_text("")
    assert "1 files that are no images were left out" in datasets.open(folder).notes


def test_links_are_not_followed(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    (tmp_path / "secret.png").write_bytes(png(value=250))
    os.symlink(tmp_path / "secret.png", folder / "cats" / "link.png")
    os.symlink(tmp_path, folder / "loop")
    found = datasets.open(folder)
    assert len(found.images) == 10
    assert found.images.max() < 250


def huge() -> bytes:
    """121 megapixels of zeros in a few kilobytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 11_000, 11_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(11_000 * 1376), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animated(format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (value, value, value)) for value in (0, 200)]
    frames[0].save(stream, format, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def long_text() -> bytes:
    """A small picture beside 100 MB of text in a few kilobytes."""
    kept = PngImagePlugin.PngInfo()
    kept.add_text("comment", " " * 10**8, zip=True)
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "PNG", pnginfo=kept)
    return stream.getvalue()


REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("121 megapixels", huge, "has more than the 40,000,000 pixels that are decoded"),
    ("truncated", lambda: png(size=(64, 64), value=3)[:60], "cannot be decoded"),
    ("svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not an image of the formats"),
    ("html", lambda: b"<html><script>1</script></html>", "is not an image of the formats"),
    ("empty", lambda: b"", "is not an image of the formats"),
    ("one pixel", lambda: png(size=(1, 1)), "has 1×1 pixels; at least 4 a side are needed"),
    ("animated", animated, "is animated or has pages (2); keep one"),
    ("an animated webp", lambda: animated("WEBP"), "is animated or has pages (2); keep one"),
    ("a tiff of two pages", lambda: animated("TIFF"), "is animated or has pages (2); keep one"),
    ("an animated gif", lambda: animated("GIF"), "is not an image of the formats"),
    ("100 MB of text", long_text, "cannot be decoded"),
    ("a line", lambda: png(size=(4000, 3)), "has 4000×3 pixels; at least 4 a side are needed"),
]


@pytest.mark.parametrize(("what", "content", "message"), REFUSED, ids=[what for what, _, _ in REFUSED])
def test_it_refuses(what: str, content: Callable[[], bytes], message: str, tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    (folder / "cats" / "bad.png").write_bytes(content())
    with pytest.raises(DataSetError) as refusal:
        datasets.open(folder)
    assert str(refusal.value).startswith("cats/bad.png")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == [folder]


def test_images_outside_a_class_are_refused(tmp_path: Path) -> None:
    folder = fill(tmp_path / "pets")
    (folder / "stray.png").write_bytes(png())
    with pytest.raises(DataSetError, match=r"stray.png is not in a class folder"):
        datasets.open(folder)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(DataSetError, match=r"holds no images; use paths such as cats/1\.png"):
        datasets.open(tmp_path)


def test_split_folders_without_train_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "pets" / "val")
    fill(tmp_path / "pets" / "test")
    with pytest.raises(DataSetError, match="has test, val, but no train folder"):
        datasets.open(tmp_path / "pets")


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(DataSetError, match=r"a.csv is none of the formats that can be read: a folder of images"):
        datasets.open(tmp_path / "a.csv")

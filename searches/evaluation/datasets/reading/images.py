"""Image files by class, from a folder or a zip: decoded with care, brought to one size, split as their folders say."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.reading.arrays import Part, dataset_from
from searches.evaluation.datasets.reading.limits import MAX_ARRAY_BYTES, MAX_IMAGE_FILES, MAX_IMAGE_PIXELS, MIN_SIDE
from searches.evaluation.datasets.reading.resizing import ResizeRule

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM")
SPLIT_FOLDERS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
LARGEST_AUTOMATIC_SIDE = 64  # what a CPU trains in reasonable time
PIXEL_FORMATS_16 = ("I;16", "I;16B", "I;16L", "I")

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Entry:
    """A file that may be an image: its path inside the folder or archive, and how to get its bytes."""

    path: PurePosixPath
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Picture:
    entry: Entry
    split: str  # empty: no split folder
    label: str


def read_pictures(name: str, entries: Iterable[Entry], source: str, fit: ResizeRule) -> DataSet:
    """Reads ``[split/]class/…/image``; an enclosing folder is looked through. ``fit`` brings images to one size.

    Raises DataSetError where the images are too many, too large or cannot be read.
    """
    images, others = sorted_out(entries)
    pictures = placed(name, without_wrapper(images))
    decoded = [decode(picture.entry) for picture in pictures]
    sizes = Counter(pixels.shape[:2] for pixels in decoded)
    channels = max(pixels.shape[2] for pixels in decoded)
    side = (fit.side, fit.side) if fit.side else common_side(sizes)
    if len(decoded) * channels * side[0] * side[1] > MAX_ARRAY_BYTES:
        raise DataSetError(
            f"{name} has {len(decoded):,} images of {side[0]}×{side[1]}; at most 2 GiB are read; shrink it"
        )
    notes = []
    if set(sizes) != {side}:
        sizes_words = f"{len(sizes):,} sizes" if len(sizes) > 1 else "{}×{}".format(*next(iter(sizes)))
        notes.append(f"images of {sizes_words} were {fit.words(side)}")
    if others:
        notes.append(f"{others:,} files that are no images were left out")
    brought = [with_channels(fit(pixels, side), channels) for pixels in decoded]
    return replace(assembled(name, pictures, brought, source, notes), resize=fit.rule)


def sorted_out(entries: Iterable[Entry]) -> tuple[list[Entry], int]:
    """Returns images in the order of their paths, and the number of other files; what systems leave behind is not
    counted.

    Raises DataSetError where there are too many.
    """
    images, others = [], 0
    for entry in entries:
        if entry.path.name.startswith(".") or "__MACOSX" in entry.path.parts or entry.path.name == "Thumbs.db":
            continue
        if entry.path.suffix.lower() in SUFFIXES:
            images.append(entry)
        else:
            others += 1
        if len(images) > MAX_IMAGE_FILES:
            raise DataSetError(f"there are more than {MAX_IMAGE_FILES:,} images; use an npz file")
    return sorted(images, key=lambda entry: entry.path.parts), others


def without_wrapper(images: Sequence[Entry]) -> list[Entry]:
    """Zips are often made of a folder that holds everything."""
    found = list(images)
    while found and len({entry.path.parts[0] for entry in found}) == 1 and min(len(e.path.parts) for e in found) > 2:
        if found[0].path.parts[0].lower() in SPLIT_FOLDERS:
            break
        found = [Entry(PurePosixPath(*entry.path.parts[1:]), entry.read) for entry in found]
    return found


def placed(name: str, images: Sequence[Entry]) -> list[Picture]:
    """Places images by split and class.

    Raises DataSetError where one lies outside a class folder or there is no train folder.
    """
    if not images:
        raise DataSetError(f"{name} holds no images; use paths such as cats/1.png, with one folder per class")
    tops = {entry.path.parts[0].lower() for entry in images}
    is_split = tops <= set(SPLIT_FOLDERS)
    pictures = []
    for entry in images:
        parts = entry.path.parts
        if len(parts) < 2 + is_split:
            raise DataSetError(f"{entry.path} is not in a class folder; use paths such as cats/1.png")
        split = SPLIT_FOLDERS[parts[0].lower()] if is_split else ""
        pictures.append(Picture(entry, split, parts[1 if is_split else 0]))
    if is_split and "train" not in {picture.split for picture in pictures}:
        raise DataSetError(f"{name} has {', '.join(sorted(tops))}, but no train folder")
    return pictures


def decode(entry: Entry) -> Pixels:
    """Decodes an image to (H, W, 1 or 3), upright, uint8; its size is checked before any pixel is decoded.

    The result has the shape (H, W, channels). Raises DataSetError where it is no image, too large or damaged.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # only data sets of image files need it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(entry.read()), formats=FORMATS) as image:
                check_size(entry, image)
                pixels = eight_bits(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise DataSetError(f"{entry.path} is not an image of the formats {', '.join(FORMATS)}; remove it") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataSetError(f"{entry.path} has more than the {MAX_IMAGE_PIXELS:,} pixels that are decoded") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, DataSetError):
            raise
        raise DataSetError(f"{entry.path} cannot be decoded ({error}); remove it") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def check_size(entry: Entry, image: "Image.Image") -> None:
    """Checks size and frames. Raises DataSetError where the image is too large, too small or has several frames."""
    width, height = image.size
    if width * height > MAX_IMAGE_PIXELS:
        raise DataSetError(f"{entry.path} has {width}×{height} pixels; at most {MAX_IMAGE_PIXELS:,} are decoded")
    if min(width, height) < MIN_SIDE:
        raise DataSetError(f"{entry.path} has {width}×{height} pixels; at least {MIN_SIDE} a side are needed")
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise DataSetError(f"{entry.path} is animated or has pages ({frames}); keep one")


def eight_bits(image: "Image.Image") -> Pixels:
    """Returns uint8 pixels (H, W) of a grey image, (H, W, 3) of any other."""
    if image.mode in PIXEL_FORMATS_16:
        return (np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"))
    if image.mode == "LA":
        return np.asarray(image.getchannel("L"))
    return np.asarray(image.convert("RGB"))


def common_side(sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """The images' own size where they agree; else a square of the median shorter side, at most 64."""
    if len(sizes) == 1:
        return next(iter(sizes))
    shorter = sorted(min(size) for size in sizes.elements())
    side = min(shorter[len(shorter) // 2], LARGEST_AUTOMATIC_SIDE)
    return side, side


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """Returns pixels (H, W, channels), from (H, W, 1) by repeating the grey value."""
    return pixels if pixels.shape[2] == channels else np.repeat(pixels, channels, axis=2)


def assembled(
    name: str, pictures: Sequence[Picture], decoded: Sequence[Pixels], source: str, notes: Sequence[str]
) -> DataSet:
    """Makes a dataset of pictures whose decoded pixels all have one shape, (H, W, C), uint8."""
    labels = sorted({picture.label for picture in pictures})
    number = {label: index for index, label in enumerate(labels)}

    def part(split: str) -> Part | None:
        rows = [index for index, picture in enumerate(pictures) if picture.split == split]
        if not rows:
            return None
        y = np.array([number[pictures[index].label] for index in rows], dtype=np.int64)
        return Part(np.stack([decoded[index] for index in rows]), y, f"{split or name}", f"{split or name}")

    train = part("train") or part("")
    assert train is not None
    return dataset_from(
        name,
        train,
        part("test"),
        labels,
        validation=part("validation"),
        source=source,
        notes=notes,
    )

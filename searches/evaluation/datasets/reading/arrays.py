"""Arrays as a user has them to a dataset: checked, brought into (N, C, H, W), classes numbered, splits made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searches.evaluation.datasets.dataset import DataSet, DataSetError, Images, Numbers, image_keys, label_names
from searches.evaluation.datasets.reading.limits import MAX_CHANNELS, MAX_CLASSES, MAX_IMAGES, MAX_SIDE, MIN_SIDE
from searches.evaluation.datasets.reading.splits import shares, stratified

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Part:
    """Images with their class values, under the names that the user gave the two arrays."""

    x: Array
    y: Array
    x_name: str = "x"
    y_name: str = "y"


def suiting(images: Images) -> str:
    """The augmentation of images that nobody knows, (N, C, H, W): pictures move, and those in colour are mirrored.

    Other numbers than 8-bit ones may be no picture: those stay as they are.
    """
    if images.dtype != np.uint8:
        return "none"
    return "flip_crop" if images.shape[1] == 3 else "shift"


def dataset_from(
    name: str,
    train: Part,
    test: Part | None = None,
    labels: Sequence[str] | None = None,
    *,
    validation: Part | None = None,
    augmentation: str | None = None,
    source: str = "",
    notes: Sequence[str] = (),
) -> DataSet:
    """Makes a dataset of arrays; ``labels`` names the classes 0, 1, 2 … where they have names.

    This is the one way from arrays to a dataset. ``augmentation`` is what suits the images, where it is known; else it
    goes by their pixels. Raises DataSetError where the parts differ in their images or an array is out of bounds.
    """
    parts = [part for part in (train, validation, test) if part is not None]
    for part in parts:
        check_targets(part)
    images = [channels_first(part) for part in parts]
    for part, pixels in zip(parts, images, strict=True):
        if pixels.shape[1:] != images[0].shape[1:]:
            raise DataSetError(
                f"{train.x_name} has images of {images[0].shape[1:]}, {part.x_name} of {pixels.shape[1:]}; resize them"
            )
    values = np.unique(train.y)
    names = class_names(values, labels, train.y_name)
    targets = [numbered(part, values, train.y_name) for part in parts]
    check_counts(targets[0], names, parts_to_come=3 - len(parts))
    pixels, scale, scale_notes = common_scale(images)
    joined = np.concatenate(targets)
    given = {"validation": 0 if validation is None else len(validation.y), "test": 0 if test is None else len(test.y)}
    splits, split_notes = make_splits(pixels, joined, **given)
    every_note = (*notes, *scale_notes, *split_notes, *imbalance(joined))
    return DataSet(name, pixels, joined, names, splits, scale, augmentation or suiting(pixels), every_note, source)


def channels_first(part: Part) -> Images:
    """Returns images (N, C, H, W), uint8 or float32, from (N, H, W) or (N, H, W, C).

    Raises DataSetError where dimensions, counts, sides or channels are out of bounds.
    """
    x = part.x
    if x.ndim not in (3, 4):
        raise DataSetError(f"{part.x_name} must be (N, H, W) or (N, H, W, C), but has {x.ndim} dimensions: {x.shape}")
    if not 0 < len(x) <= MAX_IMAGES:
        raise DataSetError(f"{part.x_name} has {len(x):,} images; a dataset has 1 to {MAX_IMAGES:,}")
    if len(part.y) != len(x):
        raise DataSetError(f"{part.x_name} has {len(x):,} images but {part.y_name} has {len(part.y):,} labels")
    if x.ndim == 3:
        x = x[..., None]
    _, height, width, channels = x.shape
    if channels > MAX_CHANNELS:
        swapped = height <= MAX_CHANNELS
        hint = f"; channels come last: use {part.x_name}.transpose(0, 2, 3, 1)" if swapped else ""
        raise DataSetError(f"{part.x_name} has {channels} channels {x.shape}; at most {MAX_CHANNELS} are read{hint}")
    if channels < 1 or not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)):
        raise DataSetError(
            f"{part.x_name} has images of {height}×{width} pixels and {channels} channels; "
            f"sides from {MIN_SIDE} to {MAX_SIDE} are read; resize them"
        )
    return as_pixels(x, part.x_name).transpose(0, 3, 1, 2)


def as_pixels(x: Array, name: str) -> Images:
    """Returns pixels of the same shape in uint8 or float32.

    Raises DataSetError where they are of another kind or not finite.
    """
    if x.dtype == np.uint8:
        return x.astype(np.uint8, copy=False)
    if x.dtype.kind != "f":
        raise DataSetError(f"{name} has pixels of type {x.dtype}; use uint8 or a float type: {name}.astype('uint8')")
    pixels = x.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise DataSetError(
            f"{name} has {int((~np.isfinite(pixels)).sum()):,} pixels that are NaN or infinite; clean them"
        )
    return pixels


def check_targets(part: Part) -> None:
    """Refuses labels that are not whole numbers (N,) from 0. Raises DataSetError where they are not."""
    y = part.y
    if y.ndim == 2 and y.shape[1] == 1:
        raise DataSetError(f"{part.y_name} must be (N,), but is {y.shape}: use {part.y_name}.reshape(-1)")
    if y.ndim != 1:
        raise DataSetError(f"{part.y_name} must hold one class number per image (N,), but is {y.shape}")
    if y.dtype.kind not in "iu":
        raise DataSetError(f"{part.y_name} must hold integers, but is {y.dtype}: use {part.y_name}.astype('int64')")
    if y.size and int(y.min()) < 0:
        raise DataSetError(f"{part.y_name} has the class {int(y.min())}; classes are numbered from 0")


def class_names(values: Array, labels: Sequence[str] | None, y_name: str) -> tuple[str, ...]:
    """Names the classes of values (classes,), ascending.

    Raises DataSetError where they are too few or too many, or one has no name.
    """
    if len(values) < 2:
        raise DataSetError(f"{y_name} has {len(values)} class; a classification needs at least 2")
    if len(values) > MAX_CLASSES:
        raise DataSetError(f"{y_name} has {len(values):,} classes; at most {MAX_CLASSES:,} are read")
    if labels is None:
        return label_names([int(value) for value in values])
    if int(values[-1]) >= len(labels):
        raise DataSetError(f"{y_name} has the class {int(values[-1])}, but only {len(labels)} classes have a name")
    return tuple(labels[int(value)] for value in values)


def numbered(part: Part, values: Array, train_name: str) -> Numbers:
    """Maps a part's class values to 0 … classes - 1, (N,); `values` (classes,) gives their order.

    Raises DataSetError where the training part lacks a class.
    """
    unknown = np.setdiff1d(part.y, values)
    if unknown.size:
        raise DataSetError(f"{part.y_name} has the class {int(unknown[0])}, which {train_name} lacks")
    return np.searchsorted(values, part.y).astype(np.int64)


def check_counts(targets: Numbers, names: tuple[str, ...], parts_to_come: int) -> None:
    """Counts the classes in targets (N,); ``parts_to_come`` are the splits that the training part has to give away.

    Raises DataSetError where a class has too few images for that.
    """
    least = 1 + parts_to_come
    counts = np.bincount(targets, minlength=len(names))
    rarest = int(counts.argmin())
    if counts[rarest] < least:
        raise DataSetError(
            f"class {names[rarest]!r} has {int(counts[rarest])} images; "
            f"each class needs at least {least}, one per split"
        )


def common_scale(images: list[Images]) -> tuple[Images, float, tuple[str, ...]]:
    """Joins images (N, C, H, W) and returns them with their divisor and notes.

    uint8 and floats up to 255 are divided by 255; floats within 0 and 1, or below 0, are taken as they are.
    """
    if all(pixels.dtype == np.uint8 for pixels in images):
        return np.ascontiguousarray(np.concatenate([p.astype(np.uint8, copy=False) for p in images])), 255.0, ()
    pixels = np.ascontiguousarray(np.concatenate([p.astype(np.float32) for p in images]))
    low, high = float(pixels.min()), float(pixels.max())
    scale = 255.0 if low >= 0 and high > 1 else 1.0
    return pixels, scale, (f"float pixels from {low:g} to {high:g} are divided by {scale:g}",)


def make_splits(
    images: Images, targets: Numbers, validation: int = 0, test: int = 0
) -> tuple[dict[str, Numbers], tuple[str, ...]]:
    """Splits images (N, C, H, W) with class numbers (N,) into rows (n,) by split.

    Given parts (the last ``test`` images, ``validation`` before them) stay; missing ones come out of the rest.
    """
    training = len(targets) - validation - test
    dealt = [name for name, given in (("validation", validation), ("test", test)) if not given]
    splits: dict[str, Numbers] = {
        "validation": np.arange(training, training + validation, dtype=np.int64),
        "test": np.arange(training + validation, len(targets), dtype=np.int64),
    }
    keys = image_keys(images[:training])
    parts = stratified(targets[:training], keys, shares(training, len(dealt)))
    splits |= dict(zip(("train", *dealt), parts, strict=True))
    notes = [f"{' and '.join(dealt)} split off the training images, stratified by class"] if dealt else []
    repeated = len(keys) - len(set(keys))
    if repeated:
        notes.append(f"{repeated:,} training images occur more than once; equal images share a split")
    return splits, tuple(notes)


def imbalance(targets: Numbers) -> tuple[str, ...]:
    """Notes where class numbers (N,) are unequal by a factor of 3 or more."""
    counts = np.bincount(targets)
    if counts.max() < 3 * counts.min():
        return ()
    return (f"classes are unequal: from {int(counts.min()):,} to {int(counts.max()):,} images a class",)

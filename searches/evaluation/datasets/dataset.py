"""What a dataset is to a search: images, class numbers, three disjoint splits, and the numbers that normalise them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from searches.evaluation.datasets.reading.splits import SPLITS

Images = NDArray[np.uint8] | NDArray[np.float32]
Numbers = NDArray[np.int64]


class DataSetError(ValueError):
    """A dataset that cannot be searched on; the message names the rule, the value and the way out."""


@dataclass(frozen=True)
class Normalisation:
    """A pixel becomes ``(pixel / scale - mean) / std``; mean and std are per channel, of the training split."""

    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to_document(self) -> dict[str, object]:
        return {"scale": self.scale, "mean": list(self.mean), "std": list(self.std)}


@dataclass(frozen=True, eq=False)
class DataSet:
    """A whole dataset in memory; ``split`` is the only way to its images."""

    name: str
    images: Images = field(repr=False)  # (N, C, H, W)
    targets: Numbers = field(repr=False)  # (N,), 0 … classes - 1
    labels: tuple[str, ...]
    splits: Mapping[str, Numbers] = field(repr=False)
    scale: float = 255.0
    augmentation: str = "none"  # what suits the images; a name of searches/evaluation/training/augmentation.py
    notes: tuple[str, ...] = ()
    source: str = ""
    resize: str = "crop"  # the rule of reading/resizing.py that pictures of other sizes were brought to this one by

    @property
    def input_shape(self) -> tuple[int, int, int]:
        _, channels, height, width = self.images.shape
        return channels, height, width

    @property
    def classes(self) -> int:
        return len(self.labels)

    def split(self, name: str) -> tuple[Images, Numbers]:
        """Returns a split's images (N, C, H, W) and class numbers (N,)."""
        rows = self.splits[name]
        return self.images[rows], self.targets[rows]

    @cached_property
    def normalisation(self) -> Normalisation:
        """Mean and deviation of the training split alone: nothing of validation or test leaks into training."""
        pixels = self.split("train")[0]
        total = np.zeros(pixels.shape[1])
        squares = np.zeros(pixels.shape[1])
        for start in range(0, len(pixels), 4096):  # in blocks: the whole set in float64 would be eight times its size
            block = pixels[start : start + 4096].astype(np.float64) / self.scale
            total += block.sum(axis=(0, 2, 3))
            squares += (block**2).sum(axis=(0, 2, 3))
        count = pixels.shape[0] * pixels.shape[2] * pixels.shape[3]
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0))
        std[std < 1e-6] = 1.0  # a channel without contrast stays as it is
        return Normalisation(self.scale, tuple(float(m) for m in mean), tuple(float(s) for s in std))

    @cached_property
    def sha256(self) -> str:
        """Hashes the pixels and class numbers, in their order."""
        digest = hashlib.sha256(f"{self.images.shape} {self.images.dtype.str} {self.scale}\n".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.targets).data)
        return digest.hexdigest()

    @cached_property
    def split_sha256(self) -> str:
        """Hashes the three lists of rows: two runs with the same value trained and validated on the same images."""
        digest = hashlib.sha256()
        for name in SPLITS:
            digest.update(f"{name} {len(self.splits[name])}\n".encode())
            digest.update(np.ascontiguousarray(self.splits[name]).data)
        return digest.hexdigest()

    def class_counts(self, split: str) -> tuple[int, ...]:
        counted = np.bincount(self.split(split)[1], minlength=self.classes)
        return tuple(int(count) for count in counted)

    def card(self) -> dict[str, object]:
        """The facts that pages, events and generated repositories show."""
        return {
            "name": self.name,
            "source": self.source,
            "input_shape": list(self.input_shape),
            "classes": self.classes,
            "labels": list(self.labels),
            "sizes": {name: len(self.splits[name]) for name in SPLITS},
            "class_counts": {name: list(self.class_counts(name)) for name in SPLITS},
            "normalisation": self.normalisation.to_document(),
            "augmentation": self.augmentation,
            "duplicates_across_splits": self.duplicates_across_splits,
            "sha256": self.sha256,
            "split_sha256": self.split_sha256,
            "notes": list(self.notes),
            **({"resize": self.resize} if self.resize != "crop" else {}),  # only then: histories hold this card
        }

    @cached_property
    def duplicates_across_splits(self) -> int:
        """Validation and test images that stand, pixel for pixel, in an earlier split as well."""
        seen: set[bytes] = set()
        found = 0
        for name in SPLITS:
            keys = image_keys(self.split(name)[0])
            found += sum(key in seen for key in keys)
            seen.update(keys)
        return found


def image_keys(images: Images) -> list[bytes]:
    """Returns a short hash for each of images (N, C, H, W); equal images have equal keys."""
    flat = np.ascontiguousarray(images).reshape(len(images), -1)
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in flat]


def label_names(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)

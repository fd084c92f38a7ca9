"""Natural images for benchmarks: 12,000 of CIFAR-10 as JPEG, which lie beside the project and not in it."""

import io
import os
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from searches.evaluation.training.tensors import Tensors

DATA = Path(os.environ.get("NASPORTAL_TRUTH_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
NATURAL = DATA / "cifar10_jpeg_12k.npz"
SIDE = 16
TRAIN, CHEAP = 4000, 1000  # images that are trained on, and those that the cheap rungs are validated on


def decoded(part: str) -> Iterator[Image.Image]:
    """The pictures of ``train`` (10,000) or ``test`` (2,000), 32×32 RGB."""
    with np.load(NATURAL) as file:
        content, offsets = file[f"{part}_jpeg"], file[f"{part}_offset"]
    for start, end in pairwise(offsets):
        yield Image.open(io.BytesIO(content[start:end].tobytes())).convert("RGB")


def classes(part: str) -> np.ndarray:
    with np.load(NATURAL) as file:
        found: np.ndarray = file[f"y_{part}"].astype(np.int64)
    return found


@cache
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """All of them, reduced."""
    small = [
        np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
        for part in ("train", "test")
        for picture in decoded(part)
    ]
    return np.stack(small), np.concatenate([classes("train"), classes("test")])


@cache
def splits() -> tuple[Tensors, Tensors, Tensors]:
    """Trained on, cheap validation, and the validation of the truth, which nothing cheap has seen."""
    x, y = pictures()
    scaled = x[:TRAIN].astype(np.float64) / 255
    mean, std = (
        torch.tensor(value(scaled, axis=(0, 1, 2)), dtype=torch.float32).view(-1, 1, 1) for value in (np.mean, np.std)
    )
    images = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    targets = torch.from_numpy(y)
    bounds = ((0, TRAIN), (TRAIN, TRAIN + CHEAP), (TRAIN + CHEAP, len(y)))
    first, second, third = (Tensors(images[a:b], targets[a:b], 255.0, mean, std) for a, b in bounds)
    return first, second, third


def first(split: Tensors, part: float) -> Tensors:
    count = round(len(split) * part)
    return Tensors(split.images[:count], split.targets[:count], split.scale, split.mean, split.std)


class Pictures(Dataset[tuple[Tensor, int]]):
    """PIL images, turned into a normalised tensor one by one."""

    def __init__(self, images: np.ndarray, targets: np.ndarray, mean: Tensor, std: Tensor) -> None:
        self.images = [Image.fromarray(image) for image in images]
        self.targets = targets.tolist()
        self.mean, self.std = mean, std

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels = torch.from_numpy(np.array(self.images[index]))  # (H, W[, C])
        pixels = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
        return (pixels.to(torch.float32) / 255 - self.mean) / self.std, self.targets[index]

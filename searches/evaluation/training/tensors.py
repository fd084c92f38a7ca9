"""A dataset's splits as tensors: whole in memory (or mapped), sliced by index, normalised a batch at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from searches.evaluation.datasets import DataSet


@dataclass(frozen=True)
class Tensors:
    """One split. Pixels stay in their stored type: as floats, 60,000 images would need four times the memory."""

    images: Tensor  # (N, C, H, W); of all splits where ``rows`` says which are this one's
    targets: Tensor  # (n,)
    scale: float
    mean: Tensor  # (C, 1, 1)
    std: Tensor  # (C, 1, 1)
    rows: Tensor | None = None  # (n,)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def device(self) -> torch.device:
        """Returns the device on which batches are wanted; mapped images stay where they are."""
        return self.mean.device

    def pixels(self, rows: Tensor) -> Tensor:
        """Returns images (n, C, H, W) of rows (n,), not yet normalised, in float32 from 0 to 1, for augmentation."""
        if self.rows is not None:
            rows = self.rows[rows]
        return self.images[rows.to(self.images.device)].to(self.device, torch.float32) / self.scale

    def normalised(self, pixels: Tensor) -> Tensor:
        """Normalises images (n, C, H, W) by the training split's mean and deviation."""
        return ((pixels - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def batch(self, rows: Tensor) -> Tensor:
        """Returns normalised images (n, C, H, W) of rows (n,)."""
        return self.normalised(self.pixels(rows))

    def classes_of(self, rows: Tensor) -> Tensor:
        """Returns class numbers (n,) of rows (n,)."""
        return self.targets[rows.to(self.targets.device)]

    def to(self, device: torch.device, *, with_images: bool = True) -> "Tensors":
        """Moves to another device; ``with_images`` is false for a set that is too large for its memory."""
        if device == self.device:
            return self
        images = self.images.to(device) if with_images else self.images
        return replace(
            self, images=images, targets=self.targets.to(device), mean=self.mean.to(device), std=self.std.to(device)
        )

    def reduced(self, share: float) -> "Tensors":
        """The same share of each class, always the same images."""
        if share >= 1:
            return self
        kept = torch.tensor(drawn(self.targets.tolist(), share))
        rows = kept if self.rows is None else self.rows[kept]
        return replace(self, targets=self.targets[kept.to(self.targets.device)], rows=rows)


def drawn(targets: Sequence[int], share: float) -> list[int]:
    """Draws, of a class with n images, the first n * share in a fixed random order; at least one."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0)).tolist()
    by_class: dict[int, list[int]] = {}
    for row in order:
        by_class.setdefault(targets[row], []).append(row)
    return sorted(row for rows in by_class.values() for row in rows[: max(1, math.floor(len(rows) * share + 0.5))])


def tensors(dataset: DataSet, split: str) -> Tensors:
    """Makes tensors without a copy of the images: each split is a list of rows."""
    rows = dataset.splits[split]
    normalisation = dataset.normalisation
    return Tensors(
        torch.from_numpy(dataset.images),
        torch.from_numpy(dataset.targets[rows]),
        normalisation.scale,
        torch.tensor(normalisation.mean, dtype=torch.float32).view(-1, 1, 1),
        torch.tensor(normalisation.std, dtype=torch.float32).view(-1, 1, 1),
        torch.from_numpy(rows),
    )

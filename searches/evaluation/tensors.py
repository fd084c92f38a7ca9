"""A data set's splits as tensors: whole in memory, sliced by index, normalised a batch at a time."""

from dataclasses import dataclass

import torch
from torch import Tensor

from searches.evaluation.datasets import DataSet


@dataclass(frozen=True)
class Tensors:
    """One split. Pixels stay in their stored type: as floats, 60,000 images would need four times the memory."""

    images: Tensor  # (N, C, H, W)
    targets: Tensor  # (N,)
    scale: float
    mean: Tensor  # (C, 1, 1)
    std: Tensor  # (C, 1, 1)

    def __len__(self) -> int:
        return len(self.targets)

    def pixels(self, rows: Tensor) -> Tensor:
        """Not yet normalised, as floats from 0 to 1: what augmentation works on."""
        return self.images[rows].to(torch.float32) / self.scale

    def normalised(self, pixels: Tensor) -> Tensor:
        return ((pixels - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def batch(self, rows: Tensor) -> Tensor:
        return self.normalised(self.pixels(rows))


def tensors(dataset: DataSet, split: str) -> Tensors:
    images, targets = dataset.split(split)
    normalisation = dataset.normalisation
    return Tensors(
        torch.from_numpy(images),
        torch.from_numpy(targets),
        normalisation.scale,
        torch.tensor(normalisation.mean, dtype=torch.float32).view(-1, 1, 1),
        torch.tensor(normalisation.std, dtype=torch.float32).view(-1, 1, 1),
    )

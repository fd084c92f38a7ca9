"""Augmentation of a batch of tensors: each image is moved, mirrored, coloured or cut at random; labels stay.

Draws come from the training's own generator, on the CPU wherever the pixels are, so a seed fixes them. Pixels are
floats from 0 to 1, not yet normalised.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from searches.evaluation.datasets import DataSet
from searches.evaluation.training.recipe import Recipe

LEAST_EPOCHS = 10  # a shorter training sees no image often enough to learn it by heart; there it only costs accuracy

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def augmentation_for(recipe: Recipe, dataset: DataSet) -> Augmentation | None:
    """``auto`` takes what the dataset says of itself, from ten epochs on."""
    name = recipe.augmentation
    if name == "auto":
        name = dataset.augmentation if recipe.epochs >= LEAST_EPOCHS else "none"
    return AUGMENTATIONS[name]


def shift(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Shifts images (N, C, H, W) by up to an eighth of a side; the rim is filled with mirrored pixels."""
    count, _, height, width = pixels.shape
    reach = max(1, min(height, width) // 8)
    padded = functional.pad(pixels, (reach, reach, reach, reach), mode="reflect")
    top = torch.randint(0, 2 * reach + 1, (count, 1), generator=generator) + torch.arange(height)
    left = torch.randint(0, 2 * reach + 1, (count, 1), generator=generator) + torch.arange(width)
    top, left = top.to(pixels.device), left.to(pixels.device)
    images = torch.arange(count, device=pixels.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[images, top[:, :, None], left[:, None, :]].permute(0, 3, 1, 2)


def flip(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flips every other of images (N, C, H, W) on average, left to right."""
    is_flipped = torch.rand((len(pixels), 1, 1, 1), generator=generator) < 0.5
    return torch.where(is_flipped.to(pixels.device), pixels.flip(3), pixels)


def cutout(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Fills a square of a quarter of the side with the mean of the image; images are (N, C, H, W).

    DeVries and Taylor 2017, arXiv 1708.04552.
    """
    count, _, height, width = pixels.shape
    side = max(1, min(height, width) // 4)
    top = torch.randint(0, height - side + 1, (count, 1), generator=generator)
    left = torch.randint(0, width - side + 1, (count, 1), generator=generator)
    rows, columns = torch.arange(height), torch.arange(width)
    in_rows = (rows >= top) & (rows < top + side)  # (N, H)
    in_columns = (columns >= left) & (columns < left + side)  # (N, W)
    is_cut = (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
    return torch.where(is_cut.to(pixels.device), pixels.mean(dim=(1, 2, 3), keepdim=True), pixels)


def colour(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Changes brightness, contrast and saturation of images (N, C, H, W), each by a factor from 0.6 to 1.4.

    Pixels may leave 0 to 1.
    """
    factors = torch.rand((3, len(pixels), 1, 1, 1), generator=generator) * 0.8 + 0.6
    brightness, contrast, saturation = factors.to(pixels.device).unbind()
    pixels = pixels * brightness
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = mean + (pixels - mean) * contrast
    grey = pixels.mean(dim=1, keepdim=True)
    return grey + (pixels - grey) * saturation


def flip_crop(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flips and shifts images (N, C, H, W)."""
    return flip(shift(pixels, generator), generator)


def flip_crop_cutout(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flips and shifts images (N, C, H, W), then cuts a square out."""
    return cutout(flip_crop(pixels, generator), generator)


def flip_crop_colour_cutout(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Augments images (N, C, H, W) most strongly, for a few thousand images and many epochs.

    A network would know them by heart otherwise.
    """
    return cutout(cutout(colour(flip_crop(pixels, generator), generator), generator), generator)


AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    "shift": shift,
    "flip_crop": flip_crop,
    "flip_crop_cutout": flip_crop_cutout,
    "flip_crop_colour_cutout": flip_crop_colour_cutout,
}

"""Augmentation: repeats under a seed; what each kind may change of an image, and what not."""

from dataclasses import replace

import pytest
import torch

from searches.evaluation import datasets
from searches.evaluation.training.augmentation import AUGMENTATIONS, augmentation_for, colour, cutout, flip, shift
from searches.evaluation.training.recipe import AUGMENTATIONS as NAMES
from searches.evaluation.training.recipe import Recipe


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 64, channels: int = 3, side: int = 16) -> torch.Tensor:
    return torch.rand((count, channels, side, side), generator=seeded(9))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("auto", "none")])
def test_one_seed_gives_one_batch(name: str) -> None:
    augment = AUGMENTATIONS[name]
    assert augment is not None
    first, again, other = (augment(images(), seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == images().shape


def test_every_name_of_the_recipe_is_known() -> None:
    assert set(AUGMENTATIONS) == set(NAMES) - {"auto"}


def test_a_shift_moves_the_middle_of_an_image() -> None:
    batch = torch.zeros((200, 1, 16, 16))
    batch[:, :, 8, 8] = 1
    found = shift(batch, seeded()).nonzero()
    assert len(found) == 200
    assert set(found[:, 2].tolist()) == set(found[:, 3].tolist()) == {6, 7, 8, 9, 10}


def test_a_flip_mirrors_about_half_of_the_images() -> None:
    batch = images(200)
    flipped = (flip(batch, seeded()) != batch).any(dim=(1, 2, 3))
    assert torch.equal(flip(batch, seeded())[flipped], batch[flipped].flip(3))
    assert 70 < int(flipped.sum()) < 130


def test_a_cut_is_a_square_of_the_images_mean() -> None:
    batch = images(50)
    cut = cutout(batch, seeded())
    changed = cut != batch
    assert changed.all(dim=1).sum(dim=(1, 2)).tolist() == [16] * 50
    assert torch.allclose(cut[changed], batch.mean(dim=(1, 2, 3), keepdim=True).expand_as(batch)[changed])


def test_colours_change_for_a_whole_image_and_by_no_more_than_they_may() -> None:
    batch = images(200)
    coloured = colour(batch, seeded())
    brighter = coloured.mean(dim=(1, 2, 3)) / batch.mean(dim=(1, 2, 3))  # contrast and saturation keep the mean
    assert 0.59 < float(brighter.min()) < 0.7
    assert 1.3 < float(brighter.max()) < 1.41
    # Pixels of an image that were equal stay equal.
    flat = batch[:, :, :1, :1].expand_as(batch)
    assert torch.equal(colour(flat, seeded()), colour(flat, seeded())[:, :, :1, :1].expand_as(batch))
    grey = batch.mean(dim=1, keepdim=True)
    still_grey = colour(grey.expand_as(batch), seeded())
    assert torch.allclose(still_grey, still_grey.mean(dim=1, keepdim=True).expand_as(batch), atol=1e-6)


def test_automatic_is_what_suits_the_set_in_a_long_training() -> None:
    digits = datasets.open("digits")
    shifted = replace(digits, augmentation="shift")
    assert augmentation_for(Recipe(epochs=20), digits) is None
    assert augmentation_for(Recipe(epochs=20), shifted) is shift
    assert augmentation_for(Recipe(epochs=5), shifted) is None
    assert augmentation_for(Recipe(epochs=5, augmentation="shift"), digits) is shift

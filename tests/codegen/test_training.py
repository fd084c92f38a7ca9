"""What train.py of a repository does is what the portal's trainer did."""

import ast
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from searches.evaluation import datasets
from searches.evaluation.training.augmentation import AUGMENTATIONS, augmentation_for
from searches.evaluation.training.recipe import Recipe

TRAIN = Path(__file__).parents[2] / "codegen" / "skeletons" / "repository" / "train.py"


def name_of(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else None


def parts(*names: str) -> dict[str, Any]:
    """Of train.py alone: it imports the model of a repository."""
    whole = ast.parse(TRAIN.read_text(encoding="utf-8"))
    whole.body = [node for node in whole.body if name_of(node) in names]
    data = {"augmentation": "flip_crop"}
    found = {"torch": torch, "F": functional, "Tensor": Tensor, "dataclass": dataclass, "replace": replace}
    found |= {"CONFIG": {"data": data}, "__name__": "train"}
    exec(compile(whole, TRAIN.name, "exec"), found)
    return found


@pytest.mark.parametrize("kind", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("shape", [(9, 3, 16, 16), (5, 1, 28, 20)])
def test_images_are_augmented_alike(kind: str, shape: tuple[int, ...]) -> None:
    pixels = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    augment = AUGMENTATIONS[kind]
    expected = pixels if augment is None else augment(pixels, torch.Generator().manual_seed(1))
    delivered = parts("shifted", "flipped", "covered", "coloured", "augmented")["augmented"]
    found = delivered(pixels, kind, torch.Generator().manual_seed(1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)  # a mean's rounding follows the memory format
    assert augment is None or not torch.equal(expected, pixels)


@pytest.mark.parametrize("kind", ["auto", "none", "shift"])
@pytest.mark.parametrize("epochs", [9, 10])
def test_auto_takes_alike_what_suits_the_data(kind: str, epochs: int) -> None:
    coloured = replace(datasets.open("digits"), augmentation="flip_crop")
    expected = augmentation_for(Recipe(epochs=epochs, augmentation=kind), coloured)
    delivered = parts("LEAST_EPOCHS", "Recipe")["Recipe"](epochs=epochs, augmentation=kind).settled()
    assert AUGMENTATIONS[delivered.augmentation] is expected

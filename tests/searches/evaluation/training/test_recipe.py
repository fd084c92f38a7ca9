"""The recipe refuses what cannot be trained with, and names the option."""

from typing import Any

import pytest

from searches.evaluation.training.recipe import Recipe, RecipeError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be from 1 to 1000, but is 0"),
        ({"epochs": 1.5}, "epochs must be a whole number, but is 1.5"),
        ({"epochs": True}, "epochs must be a whole number, but is True"),
        ({"batch_size": 1}, "batch_size must be from 2 to 4096, but is 1"),
        ({"learning_rate": float("nan")}, "learning_rate must be from 1e-06 to 10.0, but is nan"),
        ({"learning_rate": "0.1"}, "learning_rate must be a number, but is '0.1'"),
        ({"optimizer": "sdg"}, "optimizer must be one of sgd, adamw, but is 'sdg'"),
        ({"epoch": 3}, "epoch is no option of the recipe; the options are augmentation, batch_size"),
    ],
)
def test_it_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        Recipe.from_document(options)
    assert str(refusal.value).startswith(message)


def test_it_round_trips() -> None:
    recipe = Recipe(epochs=3, optimizer="adamw")
    assert Recipe.from_document(recipe.to_document()) == recipe

"""The recipe refuses what cannot be trained with, and names the option."""

from typing import Any

import pytest

from architectures.documents import SpecError, SpecErrors
from searches.evaluation.training.recipe import Recipe


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs: must be at least 1, but is 0"),
        ({"epochs": 1.5}, "epochs: must be a whole number, but is 1.5"),
        ({"epochs": True}, "epochs: must be a whole number, but is True"),
        ({"batch_size": 1}, "batch_size: must be at least 2, but is 1"),
        ({"learning_rate": float("nan")}, "learning_rate: must be a finite number, but is nan"),
        ({"learning_rate": "0.1"}, "learning_rate: must be a finite number, but is '0.1'"),
        ({"optimizer": "sdg"}, "optimizer: must be one of sgd, adamw, but is 'sdg'"),
        ({"epoch": 3}, "epoch: is not known; did you mean 'epochs'?"),
    ],
)
def test_it_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecErrors) as refusal:
        Recipe.from_document(options)
    assert str(refusal.value) == message


def test_one_made_in_code_is_checked_too() -> None:
    with pytest.raises(SpecError, match=r"^epochs: must be at most 1,000, but is 2000$"):
        Recipe(epochs=2000)


def test_it_round_trips() -> None:
    recipe = Recipe(epochs=3, optimizer="adamw")
    assert Recipe.from_document(recipe.to_document()) == recipe

"""A search of the previous head has the same history, byte for byte."""

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.previous import searched

HASHES: dict[str, str] = json.loads(searched.HASHES.read_text(encoding="utf-8"))["formula"]


def dear(name: str) -> Any:
    """The predictor's surrogate, which portfolios hold too, takes seconds."""
    is_dear = name.startswith(("predictor", "portfolio"))
    return pytest.param(name, marks=pytest.mark.slow) if is_dear else name


@pytest.mark.parametrize("name", [dear(name) for name in searched.KEPT])
def test_a_history_of_the_previous_head_keeps_its_bytes(name: str) -> None:
    kept = searched.kept_at(name).read_text(encoding="utf-8")
    assert searched.case_history(name).text.splitlines() == kept.splitlines()


@pytest.mark.parametrize("name", searched.KEPT)
def test_a_hash_is_that_of_the_bytes_of_the_kept_history(name: str) -> None:
    assert sha256(searched.kept_at(name).read_bytes()).hexdigest() == HASHES[name]


@pytest.mark.parametrize("name", [dear(name) for name in searched.FORMULA])
def test_a_search_by_formula_has_the_hash_of_the_previous_head(name: str) -> None:
    found = searched.case_history(name)
    assert found.sha256 == HASHES[name]
    assert searched.digest(found.text) == found.sha256


def test_the_control_of_a_search_has_the_hash_of_the_previous_head() -> None:
    assert searched.control_history().sha256 == HASHES[searched.CONTROL]


def test_every_kept_hash_is_compared() -> None:
    assert HASHES.keys() == {*searched.FORMULA, searched.CONTROL}


def test_a_kept_history_names_what_was_changed_in_words() -> None:
    rows: list[Any] = [json.loads(row) for row in searched.kept_at("nsga2_on_a_ladder").read_text().splitlines()]
    changes = [row["change"] for row in rows[1:]]
    assert all(changes)

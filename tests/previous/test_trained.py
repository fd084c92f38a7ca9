"""A search that trains has the hash of the previous head, where machine kind and torch build are the recorded ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from searches.engine.hardware import machine
from tests.previous.searched import HASHES
from tests.previous.trained import TRAINED, trained

KEPT: dict[str, Any] = json.loads(HASHES.read_text(encoding="utf-8"))["trained"]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_a_search_that_trains_has_the_hash_of_the_previous_head(name: str, tmp_path: Path) -> None:
    here, there = machine(), KEPT["machine"]
    if here != there:
        pytest.skip(f"bit-equality is promised on {words(there)} only, and this machine is {words(here)}")
    assert trained(name, tmp_path / "search") == KEPT["hashes"][name]


def words(known: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(known.items()))


def test_every_kept_hash_of_a_training_is_compared() -> None:
    assert KEPT["hashes"].keys() == TRAINED.keys()

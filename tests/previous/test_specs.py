"""What a spec of the previous head means: the files are the canonical documents that it stored."""

import json
from pathlib import Path
from typing import Any

import pytest

from searches.spec import SearchSpec
from tests.previous.documents import DOCUMENTS, PRESETS, WHOLE_SECONDS, text

FILES = sorted([*PRESETS.glob("*.json"), *DOCUMENTS.glob("*.json")])


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_document_of_the_previous_head_is_still_the_canonical_one(path: Path) -> None:
    kept = path.read_text(encoding="utf-8")
    assert text(SearchSpec.from_document(json.loads(kept)).to_document()) == kept


def test_all_presets_of_the_previous_head_are_there() -> None:
    names = {path.stem for path in PRESETS.glob("*.json")}
    assert names == {"balanced", "edge", "gpu", "microcontroller", "phone", "quick", "thorough"}


def test_the_rungs_of_a_ladder_are_a_text() -> None:
    spec = SearchSpec.from_document(json.loads((DOCUMENTS / "every_field.json").read_text(encoding="utf-8")))
    assert spec.ladder.rungs == "2,8"
    assert spec.to_document()["ladder"]["rungs"] == "2,8"


def test_a_whole_number_of_seconds_is_stored_with_its_fraction() -> None:
    kept = json.loads((DOCUMENTS / "whole_seconds.json").read_text(encoding="utf-8"))
    found = SearchSpec.from_document(kept | WHOLE_SECONDS).to_document()
    for name in ("seconds", "deadline_seconds"):
        assert text(found[name]) == text(kept[name])


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), (0, False), ("2,8", [2, 8]), ("", None), ([], {})])
def test_a_value_of_another_type_is_noticed(one: Any, other: Any) -> None:
    assert text({"ladder": {"rungs": one}}) != text({"ladder": {"rungs": other}})

"""The table of faults names tests that exist, and the storm can be told to go over any search."""

import re
from pathlib import Path

import pytest

from searches import algorithms
from searches.spec import SearchSpec
from tests.chaos.harness import SPEC
from tests.chaos.storm import changed

ROOT = Path(__file__).resolve().parent.parent
TABLE = (ROOT / "tests/chaos/README.md").read_text()


def test_each_fault_is_shown_by_a_test_that_exists() -> None:
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", TABLE)
    assert len(named) > 20
    gone = [f"{path}::{name}" for path, name in named if f"def {name}" not in (ROOT / path).read_text()]
    assert not gone, f"the table of tests/chaos/README.md names what is gone: {', '.join(gone)}"
    told = {int(number) for number in re.findall(r"^\| F(\d+) ", TABLE, re.M)}
    assert told == {*range(1, 16), 17, 19, 20, 21, 23}


def test_its_commands_are_understood() -> None:
    known = set(re.findall(r'"(--[a-z]+)"', (ROOT / "tests/chaos/__main__.py").read_text()))
    assert set(re.findall(r"python -m tests\.chaos (--\w+)", TABLE)) <= known


@pytest.mark.parametrize("ladder", [False, True])
@pytest.mark.parametrize("algorithm", [None, *sorted(algorithms.names())])
def test_a_storm_may_go_over_any_algorithm(algorithm: str | None, ladder: bool) -> None:
    found = SearchSpec.from_document(SPEC | changed(algorithm, ladder))
    assert found.algorithm == (algorithm or "nsga2")
    assert len(found.fidelities) == (3 if ladder else 1)

"""Each entry of a spec is reachable from form, API and command line; and no document makes its reader fall."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from architectures.options import options
from searches import algorithms
from searches.forms import RunForm
from searches.management.commands.search import Command, document_of
from searches.spec import SearchSpec, SpecError, SpecErrors
from tests.support.entered import sent
from tests.support.world import World

# Another value than the default, where the bounds do not give one.
VALUES: dict[str, Any] = {
    "dataset": "mnist", "space": "cell201", "algorithm": "random_search", "objectives": ["accuracy", "flops"],
    "target": "phone", "choose": "vote", "seconds": 3600.0, "max_cost": 10**15,
    "limits.min_params": 5, "ladder.rungs": "1,3,8", "ladder.final_epochs": 12,
}  # fmt: skip
FIXED = {"version", "task", "space_options", "algorithm_options"}  # one value only; options have tests of their own


def leaves(cls: Any = SearchSpec, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The paths of all entries, with what may stand there."""
    for entry in options(cls):
        if is_dataclass(entry.default):
            yield from leaves(type(entry.default), f"{prefix}{entry.name}.")
        elif entry.name not in FIXED:
            yield prefix + entry.name, entry


def other(path: str, entry: Any) -> Any:
    """A legal value that is not the default."""
    if path in VALUES:
        return VALUES[path]
    if entry.choices:
        return next(each for each in entry.choices if each != entry.default)
    if entry.scalar is bool:
        return not entry.default
    low, high, now = entry.min, entry.max, entry.default
    if now is None:
        return entry.scalar(low if low is not None else 10**12)  # an upper limit that everything keeps
    for value in (now + 1, now * 0.9, now - 1):
        if (low is None or value >= low) and (high is None or value <= high) and isfinite(value):
            return entry.scalar(value)
    raise AssertionError(f"say in VALUES what else {path} may be")


PATHS = dict(leaves())


def read(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


def nested(path: str, value: Any) -> dict[str, Any]:
    group, _, name = path.rpartition(".")
    return {group: {name: value}} if group else {name: value}


def test_the_walk_finds_the_entries() -> None:
    assert {"evaluations", "limits.max_params", "training.epochs"} <= set(PATHS)
    assert {each.name for each in fields(SearchSpec)} - FIXED == {path.partition(".")[0] for path in PATHS}


@pytest.mark.parametrize("path", PATHS)
def test_an_entry_is_reachable_from_the_form(path: str) -> None:
    value = other(path, PATHS[path])
    data = sent(SearchSpec(), "a run")
    assert path in RunForm(data).fields, "no page shows it"
    data.setlist(path, [text(each) for each in (value if isinstance(value, list) else [value])])
    assert read(RunForm(data).document, path) == value


def text(value: Any) -> str:
    return ("on" if value else "") if isinstance(value, bool) else str(value)


def test_every_entry_is_reachable_from_the_api(world: World) -> None:
    client = APIClient()
    client.force_login(world.alice)
    for path, entry in PATHS.items():
        value = other(path, entry)
        answer = client.post("/api/v1/runs/check/", {"spec": nested(path, value)}).json()
        faults = {name for name in answer["faults"] if name == path}
        missing = path == "dataset" and faults  # one that is not on this machine is known and told
        assert missing or not faults, answer["faults"]
        if answer["spec"]:
            assert read(answer["spec"], path) == value


@pytest.mark.parametrize("path", PATHS)
def test_an_entry_is_reachable_from_the_command_line(path: str) -> None:
    value = other(path, PATHS[path])
    parser = Command().create_parser("manage.py", "search")
    given_value = ",".join(value) if path == "objectives" else json.dumps(value)
    words = ["--objectives", given_value] if path == "objectives" else ["--set", f"{path}={given_value}"]
    assert read(document_of(vars(parser.parse_args(words))), path) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*(each.name for each in fields(SearchSpec)), "unheard_of", ""])
SENSIBLE = st.sampled_from(
    [*algorithms.names(), "chain", "cell201", "digits", "knee", "accuracy", 0, 1, -1, 2**64, 1e308]
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(JSON | st.dictionaries(NAMES, JSON | SENSIBLE | st.lists(SENSIBLE, max_size=3), max_size=6))
def test_a_document_is_a_spec_or_is_refused_in_sentences(document: Any) -> None:
    spec, problems = judged(document)
    assert (spec is None) == bool(problems)
    for problem in problems:
        assert 0 < len(problem.message) < 2000
        assert problem.message.isprintable()
    if spec is not None:
        assert SearchSpec.from_document(spec.to_document()).to_document() == spec.to_document()


def judged(document: Any) -> tuple[SearchSpec | None, tuple[SpecError, ...]]:
    try:
        return SearchSpec.from_document(document), ()
    except SpecErrors as errors:
        return None, errors.problems

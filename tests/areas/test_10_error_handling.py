"""Area 10: what is wrong is said in one sentence with the field, the rule and the way out."""

from pathlib import Path

import pytest

from searches.engine.events import EvaluationFinished, SearchFinished, SelectionFinished
from searches.engine.search import search
from searches.spec import SearchSpec, SpecErrors
from tests.support.formula import FormulaExecutor


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("evaluations", -1),
        ("evaluations", "many"),
        ("seed", 2**64),
        ("objectives", []),
        ("objectives", ["accuracy", "beauty"]),
        ("space", "chian"),
        ("algorithm", "nsga3"),
        ("choose", "weights:accuracy=-1"),
        ("training", {"epochs": 10**9}),
        ("limits", {"max_params": 0}),
        ("seconds", float("nan")),
        ("nonsense", 1),
    ],
)
def test_a_bad_field_is_named_with_its_rule(field: str, value: object) -> None:
    with pytest.raises(SpecErrors) as caught:
        SearchSpec.from_document({field: value})
    (problem,) = caught.value.problems
    assert problem.field.split(".")[0] == field
    assert len(str(problem)) < 300


def test_a_candidate_that_fails_is_recorded_and_the_search_goes_on(tmp_path: Path) -> None:
    spec = SearchSpec.from_document({"evaluations": 10, "algorithm": "random_search", "objectives": ["accuracy"]})
    events = list(search(spec, executor=FormulaExecutor(fails=frozenset({2, 5})), folder=tmp_path))
    failed = [event for event in events if isinstance(event, EvaluationFinished) and event.status == "failed"]
    assert [event.number for event in failed] == [2, 5]
    assert all(event.reason and not event.values for event in failed)
    selection = next(event for event in events if isinstance(event, SelectionFinished))
    assert not {2, 5} & {*selection.front}
    assert isinstance(events[-1], SearchFinished)

"""Events in words, and what a class says of its kind."""

from pathlib import Path

import pytest

from searches.engine import events
from searches.engine.events import KINDS, Progress, Reported
from searches.engine.search import search
from searches.evaluation.steps import single_path
from searches.models.run_events import WORDED, in_words, shown_alone
from searches.spec import SearchSpec
from tests.support.formula import FormulaExecutor, supernet_step

LADDER = {"rungs": "1,2", "eta": 2, "proxy": "supernet", "supernet_epochs": 2, "trial_networks": 5}


@pytest.mark.parametrize("kind", [each for each in WORDED if each != Progress.kind])
def test_every_kind_has_a_sentence_of_its_own(kind: str) -> None:
    assert "sentence" in vars(WORDED[kind])


@pytest.mark.parametrize("kind", [each for each in KINDS if each != Progress.kind])
def test_what_a_class_calls_its_identity_are_fields_of_it(kind: str) -> None:
    names = KINDS[kind].identity or ()
    assert set(names) <= set(KINDS[kind].__dataclass_fields__)


def test_a_whole_search_is_told_in_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_path, "perform", supernet_step)
    spec = SearchSpec.from_document({"evaluations": 8, "seed": 1, "ladder": LADDER})
    reports = list(search(spec, executor=FormulaExecutor(frozenset({3})), folder=tmp_path))
    told = [each.in_words() for each in reports if not isinstance(each, Progress)]
    assert not [text for text in told if "{" in text or text in WORDED]
    for sentence in ("The engine started", "Phase: space", "single_path: step 1", "#3 failed: the loss is not finite"):
        assert sentence in told
    assert told[-1] == "The search is finished: all 8 evaluations are done"


def test_numbers_are_written_as_people_read_them() -> None:
    assert events.EvaluationStarted(4, 1).in_words() == "#4 in training, 1 epoch"
    assert events.EvaluationStarted(4, 1200).in_words() == "#4 in training, 1,200 epochs"
    assert events.EvaluationStarted(4, 0).in_words() == "#4 is scored"
    assert events.TestMeasured(4, 0.98765).in_words() == "#4: test accuracy 98.8 %"
    assert events.SelectionFinished(None, [], "knee", []).in_words() == "Selected by knee: none"


def test_an_event_of_another_version_is_called_by_its_kind() -> None:
    assert in_words("ClockStopped", {}) == "ClockStopped"
    assert in_words("TestMeasured", {"number": 3}) == "TestMeasured"


def test_what_people_did_can_be_looked_at_alone() -> None:
    assert dict(shown_alone())["StatusChanged"] == "user actions"
    assert in_words("StatusChanged", {"status": "paused", "by": "alice"}) == "The run is paused, by alice"


def test_an_event_says_nothing_of_how_it_is_kept_unless_its_class_does() -> None:
    assert (Reported.identity, Reported.kept_as, Reported.shown_as) == (None, "", "")

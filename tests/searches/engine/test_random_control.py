"""The control: random search for the same counted cost, and one box for both hypervolumes."""

from pathlib import Path
from typing import Any

import pytest

from searches.engine import events
from searches.engine.random_control import compared, control_spec, share
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.searches.engine.shuffled import ShuffledExecutor

SPEC = SearchSpec.from_document({"evaluations": 20, "objectives": ["accuracy", "params"], "control": True})


def test_its_spec_differs_in_the_algorithm_and_the_budget_alone() -> None:
    control = control_spec(SPEC, 12345).to_document()
    ours = SPEC.to_document()
    changed = {name for name in ours if ours[name] != control[name]}
    assert changed == {"algorithm", "algorithm_options", "evaluations", "max_cost", "control"}
    assert (control["algorithm"], control["max_cost"], control["control"]) == ("random_search", 12345, False)
    assert SearchSpec.from_document(control).to_document() == control
    voting = SearchSpec.from_document(SPEC.to_document() | {"choose": "vote"})
    assert control_spec(voting, 1).choose == "knee"


def test_it_spends_what_the_search_has_spent(tmp_path: Path) -> None:
    def finished(spec: SearchSpec) -> Any:
        reports = list(search(spec, executor=ShuffledExecutor(2), folder=tmp_path))
        return next(each for each in reports if isinstance(each, events.SearchFinished))

    ours = finished(SPEC)
    control = finished(control_spec(SPEC, ours.cost))
    assert control.reason == f"the compute cost of {ours.cost:,} multiply-adds was reached"
    assert ours.cost <= control.cost < 1.5 * ours.cost  # the training that passes the limit is still done


def test_two_fronts_are_measured_in_the_search_s_own_box() -> None:
    front = {
        "spec": {"objectives": ["accuracy", "params"]},
        "reference_point": [0.0, 100.0],
        "front": [{"values": {"accuracy": 0.5, "params": 50.0}}],
    }
    #  Accuracy .5 to 1 is half of the way, params 50 of 100 the other: a quarter of the box.
    assert share(["accuracy", "params"], [each["values"] for each in front["front"]], [0.0, 100.0]) == pytest.approx(
        0.25
    )
    control = {"front": [{"values": {"accuracy": 0.5, "params": 75.0}}], "reference_point": [0.0, 75.0]}
    found = compared(front, control | {"evaluations": 7, "cost": 9, "history_sha256": "x"})
    assert found["search_hypervolume"] == pytest.approx(0.25)
    assert found["hypervolume"] == pytest.approx(0.125)
    assert share(["accuracy"], [], [0.0]) == share(["accuracy"], [{"accuracy": 1.0}], None) == 0.0

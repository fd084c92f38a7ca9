"""Weights go to evaluators by version and hash; what one of them computed on others does not count."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from searches.engine import events
from searches.engine.executors.executor import EvaluatorBroken, Job, JobFinished
from searches.engine.history import line
from searches.engine.search import search
from searches.engine.weights.weight_versions import difference
from searches.spec import SearchSpec
from tests.searches.engine.learner import learner
from tests.searches.engine.shuffled import ShuffledExecutor

__all__ = ["learner"]
SPEC = {
    "evaluations": 20,
    "seed": 3,
    "lag": 4,
    "objectives": ["accuracy", "params", "flops"],
    "space_options": {"max_layers": 4, "widths": [16, 32]},
}
STEPS = {"algorithm": "learner"}
PARENTS = {"algorithm": "regularized_evolution", "training": {"inherit": True}}


class Stale(ShuffledExecutor):
    """Four evaluators; each job that names weights is first done by one that has other bytes, and other values."""

    def __init__(self, how: str, times: int = 1) -> None:
        super().__init__(4, 2)
        self.how = how
        self.times = times
        self.wrong: dict[tuple[str, int, int], int] = {}

    def finished(self, job: Job) -> JobFinished:
        right = super().finished(job)
        key = job["kind"], job["number"], job["fidelity"]
        if not right.inputs or self.wrong.get(key, 0) == self.times:
            return right
        self.wrong[key] = self.wrong.get(key, 0) + 1
        path = next(iter(right.inputs))
        inputs = {"other bytes": {path: "0" * 64}, "another version": {f"{path}-old": right.inputs[path]}, "none": {}}
        values = dict.fromkeys(right.values, 0.0)
        return replace(right, inputs=inputs[self.how], values=values, report={"sum": -1, "count": -1})


def run(folder: Path, executor: ShuffledExecutor, changes: dict[str, Any]) -> list[Any]:
    return list(search(SearchSpec.from_document(SPEC | changes), executor=executor, folder=folder))


def lines(reports: list[Any]) -> list[dict[str, Any]]:
    return [line(each) for each in reports if isinstance(each, events.EvaluationFinished | events.StepFinished)]


def measured(reports: list[Any]) -> dict[int, float]:
    return {each.number: each.test_accuracy for each in reports if isinstance(each, events.TestMeasured)}


@pytest.mark.parametrize("how", ["other bytes", "another version", "none"])
@pytest.mark.parametrize("changes", [STEPS, PARENTS], ids=["steps", "parents"])
def test_with_four_workers_a_result_on_wrong_weights_is_refused_and_computed_anew(
    tmp_path: Path, learner: str, how: str, changes: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    whole = run(tmp_path / "right", ShuffledExecutor(1), changes)
    stale = Stale(how)
    again = run(tmp_path / "stale", stale, changes)
    kinds = {kind for kind, _, _ in stale.wrong}
    assert kinds == ({"step", "test"} if changes is STEPS else {"evaluate", "test"})
    assert lines(again) == lines(whole)
    assert again[-1].history_sha256 == whole[-1].history_sha256
    assert measured(again) == measured(whole)
    told = capfd.readouterr().out
    assert told.count("is refused and done anew: it ") == len(stale.wrong)


def test_where_no_evaluator_has_the_right_weights_the_search_says_so(tmp_path: Path, learner: str) -> None:
    with pytest.raises(EvaluatorBroken, match="step of number 3 was computed 3 times on other weights than it was giv"):
        run(tmp_path, Stale("other bytes", times=3), STEPS)


@pytest.mark.parametrize(
    ("kind", "inherit", "status", "inputs", "reason"),
    [
        ("step", False, "done", {"states/a-3": "1" * 64}, ""),
        ("step", False, "done", {"states/a-3": "2" * 64}, "it read states/a-3 with sha256 222222222222…, but 1111"),
        ("step", False, "done", {}, "it did not read states/a-3"),
        ("step", False, "failed", {}, ""),  # its evaluator died
        ("step", False, "failed", {"states/a-0": "1" * 64}, "it read states/a-0, which it was not given"),
        ("evaluate", False, "done", {}, ""),
        ("evaluate", True, "done", {}, "it did not read states/a-3"),
    ],
)
def test_what_was_read_is_held_against_what_was_given(
    kind: str, inherit: bool, status: str, inputs: dict[str, str], reason: str
) -> None:
    state = {"path": "states/a-3", "sha256": "1" * 64}
    job = {"kind": kind, "number": 6, "fidelity": 0, "state": state, "training": {"inherit": inherit}}
    found = difference(job, JobFinished(kind, 6, 0, status, inputs=inputs))
    assert found.startswith(reason)
    assert bool(found) == bool(reason)

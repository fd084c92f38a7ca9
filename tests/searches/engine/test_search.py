"""The search as a function of its spec: whatever the order, the number of workers, or the kills."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from searches.algorithms import Evaluated, History, Proposal
from searches.algorithms.nsga2 import Nsga2
from searches.engine import events
from searches.engine.executors.executor import EvaluatorBroken
from searches.engine.history import HistoryError, canonical, history_sha256, line
from searches.engine.search import search
from searches.engine.selection import why_none
from searches.spec import SearchSpec
from tests.searches.engine.shuffled import ShuffledExecutor

SPEC = {
    "evaluations": 30,
    "seed": 3,
    "lag": 4,
    "objectives": ["accuracy", "params", "flops"],
    "algorithm_options": {"population": 6},
    "space_options": {"max_layers": 4, "widths": [16, 32]},
}


def spec(**changes: Any) -> SearchSpec:
    return SearchSpec.from_document(SPEC | changes)


def run(
    folder: Path, chosen: SearchSpec, executor: ShuffledExecutor, history: Sequence[Any] = (), **more: Any
) -> list[Any]:
    return list(search(chosen, history=history, executor=executor, folder=folder, **more))


def lines(reports: Sequence[Any]) -> list[dict[str, Any]]:
    return [line(report) for report in reports if isinstance(report, events.EvaluationFinished)]


def texts(reports: Sequence[Any]) -> list[str]:
    return [canonical(entry) for entry in lines(reports)]


def of_kind(reports: Sequence[Any], kind: type) -> list[Any]:
    return [report for report in reports if isinstance(report, kind)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return run(tmp_path_factory.mktemp("run"), spec(), ShuffledExecutor(1))


def test_it_tells_its_course_in_order(undisturbed: list[Any]) -> None:
    phases = [report.phase for report in of_kind(undisturbed, events.PhaseChanged)]
    assert phases == list(events.PHASES)
    assert isinstance(undisturbed[0], events.SearchStarted)
    assert isinstance(undisturbed[-1], events.SearchFinished)
    assert undisturbed[-1].evaluations == 30
    assert undisturbed[-1].reason == "all 30 evaluations are done"


def test_its_hash_is_that_of_its_header_and_lines(undisturbed: list[Any]) -> None:
    assert undisturbed[-1].history_sha256 == history_sha256(lines(undisturbed), undisturbed[0].header)


@pytest.mark.parametrize("workers", [1, 2, 4, 9])
@pytest.mark.parametrize("seed", [1, 2])
def test_its_history_does_not_depend_on_workers_or_on_who_finishes_first(
    tmp_path: Path, undisturbed: list[Any], workers: int, seed: int
) -> None:
    reports = run(tmp_path, spec(), ShuffledExecutor(workers, seed))
    assert texts(reports) == texts(undisturbed)
    assert reports[-1].history_sha256 == undisturbed[-1].history_sha256
    assert of_kind(reports, events.GenerationFinished) == of_kind(undisturbed, events.GenerationFinished)


def test_it_goes_on_from_every_prefix_to_the_same_history(tmp_path: Path, undisturbed: list[Any]) -> None:
    whole = lines(undisturbed)
    for kept in range(len(whole) + 1):
        reports = run(tmp_path, spec(), ShuffledExecutor(3, kept), history=whole[:kept])
        assert texts(reports) == texts(undisturbed)[kept:]
        assert reports[-1].history_sha256 == undisturbed[-1].history_sha256
        assert of_kind(reports, events.SelectionFinished) == of_kind(undisturbed, events.SelectionFinished)
        assert reports[-1].hypervolume == undisturbed[-1].hypervolume


def test_another_seed_gives_another_history(tmp_path: Path, undisturbed: list[Any]) -> None:
    assert texts(run(tmp_path, spec(seed=4), ShuffledExecutor(1))) != texts(undisturbed)


def test_no_decision_sees_a_result_that_is_too_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, Sequence[Evaluated]]] = []
    ask = Nsga2.ask

    def watched(self: Nsga2, number: int, history: History) -> Proposal:
        seen.append((number, history.evaluated))
        return ask(self, number, history)

    monkeypatch.setattr(Nsga2, "ask", watched)
    run(tmp_path, spec(), ShuffledExecutor(5, 7))
    assert all(result.number < number - 4 for number, results in seen for result in results)
    accepted = [result.number for result in seen[-1][1]]
    assert accepted == sorted(accepted)


def test_no_network_is_trained_twice(undisturbed: list[Any]) -> None:
    fingerprints = [entry["fingerprint"] for entry in lines(undisturbed)]
    assert len(set(fingerprints)) == len(fingerprints) == 30


def test_results_are_accepted_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    executor = ShuffledExecutor(5, 11)
    reports = run(tmp_path, spec(), executor)
    finished = [number for kind, number in executor.done if kind == "evaluate"]
    assert finished != sorted(finished)
    assert [entry["number"] for entry in lines(reports)] == sorted(finished)


def test_a_failed_candidate_is_recorded_and_the_search_goes_on(tmp_path: Path) -> None:
    reports = run(tmp_path, spec(), ShuffledExecutor(2, fails=frozenset({0, 5, 9})))
    failed = [entry for entry in lines(reports) if entry["status"] == "failed"]
    assert [entry["number"] for entry in failed] == [0, 5, 9]
    assert {entry["reason"] for entry in failed} == {"the loss is not finite"}
    assert all(entry["values"] == {} for entry in failed)
    assert reports[-1].evaluations == 30
    assert not {0, 5, 9} & set(of_kind(reports, events.SelectionFinished)[0].front)


def test_a_search_in_which_everything_fails_chooses_nothing(tmp_path: Path) -> None:
    reports = run(tmp_path, spec(evaluations=8), ShuffledExecutor(2, fails=frozenset(range(100))))
    selection = of_kind(reports, events.SelectionFinished)[0]
    assert (selection.chosen, list(selection.front)) == (None, [])
    assert selection.reasons == ["no evaluation succeeded (the last one: the loss is not finite)"]
    assert reports[-1].hypervolume == 0.0


@pytest.mark.slow
def test_a_search_without_a_network_within_the_limits_says_what_the_last_one_broke(tmp_path: Path) -> None:
    limits = {"min_params": 60_000, "max_flops": 60_000}
    reports = run(tmp_path, spec(limits=limits), ShuffledExecutor(2))
    (reason,) = of_kind(reports, events.SelectionFinished)[0].reasons
    assert reason.startswith("no candidate meets the constraints (of the last one drawn, ")
    assert reason.endswith("parameters are fewer than 60,000); relax them or widen the space")


DONE = {"fidelity": 5, "status": "done", "reason": ""}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "nothing was evaluated; allow more time or evaluations"),
        ([{"step": "weights"}], "nothing was evaluated; allow more time or evaluations"),
        ([DONE], "no candidate meets the constraints; relax them or allow more evaluations"),
    ],
)
def test_an_empty_front_has_a_reason(lines: list[dict[str, Any]], reason: str) -> None:
    assert why_none(lines, "") == reason


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_a_failure(tmp_path: Path, value: float) -> None:
    reports = run(tmp_path, spec(evaluations=3), ShuffledExecutor(1, accuracy=value))
    assert {(entry["status"], entry["reason"]) for entry in lines(reports)} == {
        ("failed", "a measured value is not finite")
    }


def test_a_measured_value_beyond_its_limit_keeps_a_candidate_off_the_front(tmp_path: Path) -> None:
    chosen = spec(evaluations=6, objectives=["accuracy", "latency"], limits={"max_latency_ms": 0.4})
    reports = run(tmp_path, chosen, ShuffledExecutor(1))
    assert of_kind(reports, events.SelectionFinished)[0].chosen is None
    assert all(entry["status"] == "done" for entry in lines(reports))


def test_limits_are_kept_before_anything_is_trained(tmp_path: Path) -> None:
    reports = run(tmp_path, spec(limits={"max_params": 20_000}), ShuffledExecutor(2))
    assert all(report.params <= 20_000 for report in of_kind(reports, events.CandidateProposed))
    refused = of_kind(reports, events.ProposalRefused)
    assert refused
    assert all("parameters exceed 20,000" in report.reason for report in refused)


@pytest.mark.slow
def test_limits_that_no_network_keeps_end_the_search_with_that_reason(tmp_path: Path) -> None:
    # Each can be kept, but not both at once.
    together = {"min_params": 60_000, "max_flops": 60_000}
    reports = run(tmp_path, spec(limits=together), ShuffledExecutor(2))
    assert lines(reports) == []
    assert reports[-1].reason == "100 proposals in a row brought no new network within the constraints"
    assert of_kind(reports, events.SelectionFinished)[0].chosen is None


def test_a_searched_out_space_ends_the_search(tmp_path: Path) -> None:
    tiny = {"max_layers": 2, "widths": [16], "operations": ["conv3x3"], "max_skips": 0, "stages": 1}
    reports = run(tmp_path, spec(space_options=tiny, evaluations=1000), ShuffledExecutor(2))
    assert reports[-1].reason == "100 proposals in a row brought no new network within the constraints"
    duplicates = of_kind(reports, events.DuplicateProposed)
    assert duplicates
    numbers = {entry["fingerprint"]: entry["number"] for entry in lines(reports)}
    assert all(numbers[report.fingerprint] == report.of < report.number for report in duplicates)


def test_the_test_split_is_read_after_the_selection_and_for_the_front_only(tmp_path: Path) -> None:
    executor = ShuffledExecutor(3, 5)
    reports = run(tmp_path, spec(), executor)
    selected = next(i for i, report in enumerate(reports) if isinstance(report, events.SelectionFinished))
    tested = [i for i, report in enumerate(reports) if isinstance(report, events.TestMeasured)]
    assert min(tested) > selected
    assert sorted(reports[i].number for i in tested) == sorted(reports[selected].front)
    kinds = [kind for kind, _ in executor.done]
    assert kinds == ["evaluate"] * 30 + ["test"] * len(tested)


def test_weights_that_are_gone_are_trained_again_before_the_test(tmp_path: Path, undisturbed: list[Any]) -> None:
    executor = ShuffledExecutor(1)
    whole = [entry | {"files": {}} for entry in lines(undisturbed)]
    reports = run(tmp_path, spec(), executor, history=whole)
    front = of_kind(reports, events.SelectionFinished)[0].front
    assert sorted(executor.done) == sorted([(kind, number) for number in front for kind in ("evaluate", "test")])
    assert reports[-1].history_sha256 == undisturbed[-1].history_sha256


def test_hypervolume_never_falls_and_each_generation_is_reported_once(undisturbed: list[Any]) -> None:
    generations = of_kind(undisturbed, events.GenerationFinished)
    volumes = [report.hypervolume for report in generations]
    assert volumes == sorted(volumes)
    assert 0 < volumes[-1] < 1
    assert [report.generation for report in generations] == list(range(len(generations)))
    assert generations[-1].evaluated == 30


def test_closing_the_generator_cancels_the_search(tmp_path: Path) -> None:
    executor = ShuffledExecutor(2)
    reports = search(spec(), executor=executor, folder=tmp_path)
    for _ in range(10):
        next(reports)
    reports.close()
    assert executor.is_closed


def test_a_wall_clock_limit_only_cuts_the_history(tmp_path: Path, undisturbed: list[Any]) -> None:
    whole = lines(undisturbed)
    timed = spec(seconds=60)
    reports = run(tmp_path, timed, ShuffledExecutor(1), history=whole[:11], elapsed=60)
    assert lines(reports) == []
    assert reports[-1].reason == "the time limit of 60 s was reached"
    assert reports[-1].evaluations == 11


def test_a_history_out_of_order_is_refused(tmp_path: Path, undisturbed: list[Any]) -> None:
    with pytest.raises(HistoryError, match="not ordered by number"):
        run(tmp_path, spec(), ShuffledExecutor(1), history=lines(undisturbed)[::-1])


def test_an_evaluator_that_does_not_measure_an_objective_breaks_the_search(tmp_path: Path) -> None:
    class Forgetful(ShuffledExecutor):
        def finished(self, job: Any) -> Any:
            message = super().finished(job)
            del message.values["flops"]
            return message

    with pytest.raises(EvaluatorBroken, match="did not measure flops of number 0"):
        run(tmp_path, spec(), Forgetful(1))


@pytest.mark.parametrize("choose", ["knee", "vote", "weights:accuracy=1", "weights:params=1,flops=.5"])
def test_the_choice_is_on_the_front_and_gives_reasons(tmp_path: Path, undisturbed: list[Any], choose: str) -> None:
    reports = run(tmp_path, spec(choose=choose), ShuffledExecutor(1), history=lines(undisturbed))
    selection = of_kind(reports, events.SelectionFinished)[0]
    assert selection.chosen in selection.front
    assert selection.reasons
    values = {entry["number"]: entry["values"] for entry in lines(undisturbed)}
    if choose == "weights:accuracy=1":
        assert values[selection.chosen]["accuracy"] == max(value["accuracy"] for value in values.values())


def test_every_report_survives_its_document(undisturbed: list[Any]) -> None:
    for report in undisturbed:
        assert events.from_document(report.to_document()).to_document() == report.to_document()


def test_the_order_of_the_world_decides_nothing(tmp_path: Path) -> None:
    """Many seeds at once: two workers or seven, each in its own random order."""
    for seed in range(5):
        chosen = spec(seed=seed, evaluations=15, lag=Random(seed).randrange(9))
        assert texts(run(tmp_path, chosen, ShuffledExecutor(2, seed))) == texts(
            run(tmp_path, chosen, ShuffledExecutor(7, seed + 100))
        )


def test_the_stages_of_a_refinement_are_events_with_their_reasons(tmp_path: Path) -> None:
    few = {"algorithm": "progressive", "algorithm_options": {"population": 6, "coarse": 10, "length": 12}}
    whole = run(tmp_path, spec(evaluations=40, **few), ShuffledExecutor(1))
    stages = of_kind(whole, events.StageChanged)
    assert [(stage.stage, stage.number) for stage in stages] == [(0, 0), (1, 10), (2, 22), (3, 34)]
    assert "decisions are tied to" in stages[0].reason
    assert any("is narrowed: none of the best" in change for stage in stages for change in stage.changes)
    again = run(tmp_path, spec(evaluations=40, **few), ShuffledExecutor(4, 1))
    assert of_kind(again, events.StageChanged) == stages
    assert texts(again) == texts(whole)
    resumed = run(tmp_path, spec(evaluations=40, **few), ShuffledExecutor(2), history=lines(whole)[:15])
    assert texts(resumed) == texts(whole)[15:]

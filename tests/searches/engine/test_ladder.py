"""The fidelity ladder: who climbs is a function of the sequence, and a front shows one fidelity."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from searches import algorithms
from searches.algorithms import Evaluated
from searches.engine import events
from searches.engine.history import canonical, history_sha256, line, position
from searches.engine.ladder import Rungs, ordered
from searches.engine.search import search
from searches.evaluation import proxies
from searches.evaluation.fidelity import PROXIES, SUPERNET
from searches.spec import SearchSpec, SpecErrors
from tests.searches.engine.learner import learner
from tests.searches.engine.shuffled import ShuffledExecutor

__all__ = ["learner"]
SPEC: dict[str, Any] = {
    "evaluations": 18,
    "seed": 3,
    "lag": 4,
    "objectives": ["accuracy", "params", "flops"],
    "algorithm_options": {"population": 6},
    "space_options": {"max_layers": 4, "widths": [16, 32]},
    "ladder": {"rungs": "1,2,4", "eta": 2},
}
WITH_ALL = {"ladder": {"rungs": "1,3", "eta": 2, "proxy": "naswot", "final_epochs": 9, "final_seeds": 3}}


def spec(**changes: Any) -> SearchSpec:
    return SearchSpec.from_document(SPEC | changes)


def run(folder: Path, executor: ShuffledExecutor, history: Any = (), **changes: Any) -> list[Any]:
    return list(search(spec(**changes), history=history, executor=executor, folder=folder))


def lines(reports: list[Any]) -> list[dict[str, Any]]:
    return [line(each) for each in reports if isinstance(each, events.EvaluationFinished | events.StepFinished)]


def texts(reports: list[Any]) -> list[str]:
    return [canonical(entry) for entry in lines(reports)]


def of_kind(reports: list[Any], kind: type) -> list[Any]:
    return [report for report in reports if isinstance(report, kind)]


def evaluated(number: int, *losses: float, fidelity: int = 1) -> Evaluated:
    return Evaluated(number, (number,), str(number), losses, fidelity=fidelity)


def test_the_order_is_by_rank_then_by_the_hypervolume_that_one_holds_alone() -> None:
    #  Front 1: (0, 4), (1, 1), (4, 0); (1, 1) holds most, the ends equally little. Front 2: (4, 4).
    results = [evaluated(0, 4, 4), evaluated(1, 4, 0), evaluated(2, 1, 1), evaluated(3, 0, 4)]
    found = ordered(results)
    assert found[0][0].number == 2
    assert [rank for _, rank in found] == [0, 0, 0, 1]
    assert found[-1][0].number == 0


def test_one_of_eta_is_promoted_once_and_the_highest_rung_goes_first() -> None:
    rungs = Rungs((1, 3, 9), eta=2)
    for number, loss in enumerate((5.0, 1.0, 3.0, 2.0)):
        rungs.enter(evaluated(number, loss))
    assert rungs.climb(1) is None  # one result is too few
    first = rungs.climb(4)
    assert first is not None
    assert (first.member.number, first.fidelity) == (1, 3)
    assert first.reason == "one of the best 2 of 4 at 1 epochs, on front 1"
    rungs.issued(1, 3)
    second = rungs.climb(4)
    assert second is not None
    assert second.member.number == 3
    rungs.issued(3, 3)
    assert rungs.climb(4) is None
    rungs.enter(Evaluated(1, (1,), "1", (1.0,), fidelity=3, position=4))
    rungs.enter(Evaluated(3, (3,), "3", (0.5,), fidelity=3, position=5))
    assert rungs.climb(5) is None
    third = rungs.climb(6)
    assert third is not None
    assert (third.member.number, third.fidelity) == (3, 9)


def test_no_more_than_one_of_eta_climbs_however_the_best_change() -> None:
    rungs = Rungs((1, 3), eta=2)
    climbed = []
    for number in range(8):  # each is better than all before it
        rungs.enter(evaluated(number, -float(number)))
        while climb := rungs.climb(number + 1):
            climbed.append((number, climb.member.number))
            rungs.issued(climb.member.number, 3)
    assert climbed == [(1, 1), (3, 3), (5, 5), (7, 7)]


def test_those_on_trial_take_nobody_the_place() -> None:
    rungs = Rungs((0, 1), eta=2, tried=4)
    climbed = []
    for number in range(8):
        rungs.enter(evaluated(number, -float(number), fidelity=0))
        while climb := rungs.climb(number + 1):
            climbed.append((number, climb.member.number))
            rungs.issued(climb.member.number, 1)
    assert climbed == [(0, 0), (1, 1), (2, 2), (3, 3), (5, 5), (7, 7)]


def test_where_it_promotes_by_the_training_loss_accuracy_is_not_asked() -> None:
    rungs = Rungs((1, 3), eta=2)
    for number, (error, loss) in enumerate(((0.1, 2.0), (0.9, 1.0), (0.2, 1.5), (0.3, 1.4))):
        rungs.enter(Evaluated(number, (number,), str(number), (error,), fidelity=1, ranks=(loss,)))
    assert [each.number for each, _ in rungs.rungs[0].best(4, 2)[0]] == [1, 3]
    assert [each.number for each, _ in ordered(rungs.rungs[0].results)] == [0, 2, 3, 1]


def test_a_search_climbs_its_ladder(tmp_path: Path) -> None:
    reports = run(tmp_path, ShuffledExecutor(2, 1))
    entries = lines(reports)
    by_rung = {fidelity: [e for e in entries if e["fidelity"] == fidelity] for fidelity in (1, 2, 4)}
    assert len(by_rung[1]) == 18 == reports[-1].evaluations
    assert len(by_rung[2]) >= 9
    assert len(by_rung[4]) >= 4
    promotions = of_kind(reports, events.CandidatePromoted)
    assert [(each.number, each.to) for each in promotions] == [
        (entry["number"], entry["fidelity"]) for entry in entries if "place" in entry
    ]
    assert [position(entry) for entry in entries] == sorted(position(entry) for entry in entries)
    assert reports[-1].history_sha256 == history_sha256(entries, reports[0].header)
    selected = of_kind(reports, events.SelectionFinished)[0]
    assert selected.fidelity == 4
    assert set(selected.front) <= {entry["number"] for entry in by_rung[4]}
    shown = [each.fidelity for each in of_kind(reports, events.GenerationFinished)]
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == (1, 4)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, WITH_ALL, {"synchronisation": "generational"}, {"algorithm": "learner"}])
@pytest.mark.parametrize("workers", [1, 4])
def test_its_history_depends_neither_on_workers_nor_on_where_it_stopped(
    tmp_path: Path, learner: str, changes: dict[str, Any], workers: int
) -> None:
    whole = run(tmp_path / "whole", ShuffledExecutor(1), **changes)
    for kept in range(0, len(lines(whole)) + 1, 2 * workers - 1):
        again = run(tmp_path / "whole", ShuffledExecutor(workers, kept), lines(whole)[:kept], **changes)
        assert texts(again) == texts(whole)[kept:], kept
        assert again[-1].history_sha256 == whole[-1].history_sha256
        assert of_kind(again, events.SelectionFinished) == of_kind(whole, events.SelectionFinished)
        assert again[-1].hypervolume == whole[-1].hypervolume
        if kept == 0:
            assert of_kind(again, events.GenerationFinished) == of_kind(whole, events.GenerationFinished)


@pytest.mark.parametrize("name", [name for name in algorithms.names() if name != "darts"])
def test_every_algorithm_climbs_it_the_same_way_with_any_number_of_workers(tmp_path: Path, name: str) -> None:
    options = {"population": 6} | ({"members": "nsga2,predictor,reinforce"} if name == "portfolio" else {})
    few = {"algorithm": name, "algorithm_options": options, "evaluations": 12}
    one, four = (run(tmp_path, ShuffledExecutor(n, n), **few) for n in (1, 4))
    assert texts(one) == texts(four)
    assert of_kind(one, events.GenerationFinished) == of_kind(four, events.GenerationFinished)


def test_a_proxy_is_a_rung_of_its_own_and_no_accuracy(tmp_path: Path) -> None:
    reports = run(tmp_path, ShuffledExecutor(2, 1), **WITH_ALL)
    entries = lines(reports)
    scored = [entry for entry in entries if entry["fidelity"] == 0]
    assert len(scored) == 18
    assert set(scored[0]["values"]) == {"naswot", "params", "flops"}
    trained = [entry for entry in entries if entry["fidelity"] == 1]
    assert (
        9 <= len(trained) < 18
    )  # without waiting for the whole rung some climb who would not be among the best at its end
    assert all(each.fidelity != 0 for each in of_kind(reports, events.GenerationFinished))


def test_a_rung_that_promotes_by_the_training_loss_tells_it_beside_its_accuracy(tmp_path: Path) -> None:
    by_loss = {"ladder": {"rungs": "1,2", "eta": 2, "final_epochs": 4, "promote_by": "training_loss"}}
    one = run(tmp_path / "one", ShuffledExecutor(1), **by_loss)
    entries = {fidelity: [each for each in lines(one) if each["fidelity"] == fidelity] for fidelity in (1, 2, 4)}
    assert {each["values"]["training_loss"] for each in entries[1]} == {0.7}  # the last one of the executor's curves
    assert all(each["values"]["accuracy"] != 0.7 for each in entries[1])
    assert not any("training_loss" in each["values"] for each in entries[2] + entries[4])
    again = run(tmp_path / "one", ShuffledExecutor(4, 2), lines(one)[:11], **by_loss)
    assert texts(again) == texts(one)[11:]
    assert again[-1].history_sha256 == one[-1].history_sha256


def test_the_front_is_trained_in_full_with_several_seeds_before_the_test_split_is_read(tmp_path: Path) -> None:
    executor = ShuffledExecutor(2, 1, differing=True)
    reports = run(tmp_path, executor, **WITH_ALL)
    final = [entry for entry in lines(reports) if entry["fidelity"] == 9]
    assert final
    for entry in final:
        assert entry["values"]["seeds"] == 3
        assert entry["values"]["accuracy_interval"] > 0
    selected = of_kind(reports, events.SelectionFinished)[0]
    assert selected.fidelity == 9
    kinds = [kind for kind, _ in executor.done]
    assert "test" not in kinds[: -len(selected.front)]
    assert len(of_kind(reports, events.TestMeasured)) == len(selected.front)


def test_of_a_large_front_only_so_many_are_trained_in_full(tmp_path: Path) -> None:
    few = {"ladder": {"final_epochs": 9, "final_seeds": 1, "final_networks": 2}}
    reports = run(tmp_path, ShuffledExecutor(2, 1), **few)
    last = of_kind(reports, events.GenerationFinished)[-1]
    final = [entry for entry in lines(reports) if entry["fidelity"] == 9]
    assert len(last.front) > 2 == len(final)
    assert {entry["number"] for entry in final} <= set(last.front)
    assert "seeds" not in final[0]["values"]


def test_replicas_share_the_full_trainings_alone(tmp_path: Path) -> None:
    executor = ShuffledExecutor(2, 1)
    run(tmp_path, executor, ladder=WITH_ALL["ladder"] | {"final_replicas": 4})
    asked = {(job["kind"], job["fidelity"] == 9, job.get("replicas")) for job in executor.seen}
    assert asked == {("proxies", False, None), ("evaluate", False, None), ("evaluate", True, 4), ("test", True, None)}


def test_a_batch_is_not_cut_below_an_image() -> None:
    with pytest.raises(SpecErrors, match=r"ladder\.final_replicas: must be at most the batch \(16 images\), but is 17"):
        spec(training={"batch_size": 16}, ladder={"final_replicas": 17})


def test_what_was_trained_in_full_is_not_trained_again_after_a_stop(tmp_path: Path) -> None:
    whole = run(tmp_path, ShuffledExecutor(1), **WITH_ALL)
    executor = ShuffledExecutor(1)
    again = run(tmp_path, executor, lines(whole), **WITH_ALL)
    assert {kind for kind, _ in executor.done} == {"test"}
    assert again[-1] == whole[-1]


def test_the_counted_cost_ends_a_search_at_the_same_place_with_any_number_of_workers(
    tmp_path: Path, learner: str
) -> None:
    whole = run(tmp_path, ShuffledExecutor(1), algorithm="learner")
    cost = 4 * 10**9
    ends = [run(tmp_path, ShuffledExecutor(n, n), algorithm="learner", max_cost=cost) for n in (1, 3, 8)]
    assert texts(ends[0]) == texts(ends[1]) == texts(ends[2])
    assert 0 < len(texts(ends[0])) < len(texts(whole))
    assert ends[0][-1].reason == "the compute cost of 4,000,000,000 multiply-adds was reached"
    resumed = run(tmp_path, ShuffledExecutor(3), lines(ends[0])[:5], algorithm="learner", max_cost=cost)
    assert texts(resumed) == texts(ends[0])[5:]


def test_a_generational_search_sees_whole_generations_only(tmp_path: Path, learner: str) -> None:
    reports = run(tmp_path, ShuffledExecutor(5, 2), algorithm="learner", synchronisation="generational", ladder={})
    changes = {entry["number"]: entry["change"] for entry in lines(reports)}
    assert changes[5] == "after none"  # numbers 0 to 5 are decided together
    assert changes[7].startswith("after 0:") and changes[7].count(":") == 2  # noqa: PT018  (one sentence)
    assert changes[11] == changes[7]


def test_who_climbs_goes_on_from_its_own_weights_of_the_rung_below(tmp_path: Path) -> None:
    executor = ShuffledExecutor(2)
    found = lines(run(tmp_path, executor, training={"inherit": True}))
    weights = {(entry["number"], entry["fidelity"]): entry["files"]["weights"]["sha256"] for entry in found}
    climbed = [job for job in executor.seen if job["kind"] == "evaluate" and job["fidelity"] > 1]
    assert {job["fidelity"] for job in climbed} == {2, 4}
    for job in climbed:
        assert job["parent"]["weights"]["sha256"] == weights[job["number"], job["fidelity"] // 2]


@pytest.mark.parametrize("lost", ["one", "all"])
def test_inherited_weights_that_are_lost_are_trained_again_first(tmp_path: Path, lost: str) -> None:
    inheriting = {"ladder": {}, "training": {"inherit": True, "epochs": 1}, "algorithm": "regularized_evolution"}
    executor = ShuffledExecutor(1)
    whole = run(tmp_path, executor, **inheriting)
    parents = [job["parent"]["weights"]["sha256"] for job in executor.seen if job.get("parent")]
    assert parents
    kept = lines(whole)[:12]
    paths = sorted((tmp_path / "weights").iterdir())
    for path in paths if lost == "all" else paths[:1]:
        path.unlink()
    again = run(tmp_path, ShuffledExecutor(3), kept, **inheriting)
    assert texts(again) == texts(whole)[12:]


@pytest.mark.parametrize(
    ("ladder", "field", "message"),
    [
        (
            {"rungs": "2,x"},
            "ladder.rungs",
            "must be up to 8 whole numbers from 1 to 1,000, separated by commas, but is '2,x'",
        ),
        ({"rungs": "3,3"}, "ladder.rungs", "must rise from rung to rung, but is '3,3'"),
        ({"final_epochs": 5}, "ladder.final_epochs", "must be above the last rung (5 epochs), but is 5"),
        ({"eta": 1}, "ladder.eta", "must be at least 2, but is 1"),
        ({"promote_by": "luck"}, "ladder.promote_by", "must be one of accuracy, training_loss, but is 'luck'"),
        (
            {"proxy": "luck"},
            "ladder.proxy",
            "must be one of nothing, naswot, synflow, grad_norm, zen, supernet, but is 'luck'",
        ),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_refused(ladder: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(SpecErrors) as refused:
        spec(ladder=ladder)
    assert [(each.field, each.message) for each in refused.value.problems] == [(field, message)]


def test_the_proxies_of_a_spec_are_those_that_there_are() -> None:
    assert set(PROXIES) - {"", SUPERNET} == set(proxies.PROXIES)


def test_every_event_of_a_ladder_survives_its_document(tmp_path: Path) -> None:
    for report in run(tmp_path, ShuffledExecutor(1), **WITH_ALL):
        assert events.from_document(json.loads(events.line(report))).to_document() == report.to_document()


def test_many_seeds_and_orders_of_the_world(tmp_path: Path) -> None:
    for seed in range(4):
        changes = {"seed": seed, "lag": Random(seed).randrange(9), "evaluations": 12}
        two, seven = (run(tmp_path, ShuffledExecutor(n, seed + n), **changes) for n in (2, 7))
        assert texts(two) == texts(seven)

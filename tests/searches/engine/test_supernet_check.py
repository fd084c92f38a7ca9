"""The supernet as the first rung: trained first, tried on the first networks, and used only where it proves right."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from searches.algorithms.algorithm import Evaluated, History, Proposal, Step, StepDone
from searches.algorithms.random_search import RandomSearch
from searches.engine import events
from searches.engine.history import canonical, line
from searches.engine.ladder import Rungs
from searches.engine.search import search
from searches.engine.sequence import Candidate, Idle, Promotion, Sequence, StepAsked
from searches.engine.supernet_check import KIND, SKIPPED, SupernetCheck
from searches.evaluation.job import StepJob, StepResult
from searches.evaluation.steps import single_path
from searches.spec import SearchSpec, SpecErrors
from tests.searches.engine.learner import learner
from tests.searches.engine.shuffled import ShuffledExecutor
from tests.support.formula import supernet_step

__all__ = ["learner"]
SPEC: dict[str, Any] = {
    "evaluations": 13,
    "seed": 3,
    "lag": 4,
    "objectives": ["accuracy", "params", "flops"],
    "algorithm_options": {"population": 6},
    "space_options": {"max_layers": 4, "widths": [16, 32]},
    "ladder": {"rungs": "1,2", "eta": 2, "proxy": "supernet", "supernet_epochs": 3, "trial_networks": 6},
}
STEPS = 3  # epochs, as the stand-in has it


@pytest.fixture(autouse=True)
def quick_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_path, "perform", supernet_step)


def contrary(quality: float) -> float:
    """The worst first, and all below what a network of the formula has."""
    return 1 - quality


def executor(workers: int, seed: int = 0, supernet: Callable[[float], float] | None = None) -> ShuffledExecutor:
    made = ShuffledExecutor(workers, seed)
    made.supernet = supernet or made.supernet
    return made


def run(folder: Path, by: ShuffledExecutor, history: Any = (), **changes: Any) -> list[Any]:
    spec = SearchSpec.from_document(SPEC | changes)
    return list(search(spec, history=history, executor=by, folder=folder))


def lines(reports: list[Any]) -> list[dict[str, Any]]:
    return [line(each) for each in reports if isinstance(each, events.EvaluationFinished | events.StepFinished)]


def texts(reports: list[Any]) -> list[str]:
    return [canonical(entry) for entry in lines(reports)]


def verdict(reports: list[Any]) -> events.SupernetJudged:
    (found,) = (each for each in reports if isinstance(each, events.SupernetJudged))
    return found


def test_a_supernet_that_ranks_well_screens_all_networks(tmp_path: Path) -> None:
    reports = run(tmp_path, executor(2, 1))
    entries = lines(reports)
    assert [entry.get("kind") for entry in entries[:STEPS]] == ["step"] * STEPS
    assert not any(entry.get("kind") for entry in entries[STEPS:])
    assert verdict(reports).is_trusted
    assert verdict(reports).reason == (
        "The supernet is trusted: its order of 6 networks has Kendall's tau 1.00 (80 % interval 1.00 to 1.00) with "
        "training at 1 epochs"
    )
    scored = [entry for entry in entries[STEPS:] if entry["fidelity"] == 0]
    assert len(scored) == 13 == reports[-1].evaluations
    assert set(scored[0]["values"]) == {"supernet", "params", "flops"}
    trained = {entry["number"] for entry in entries if entry["fidelity"] == 1}
    assert {entry["number"] for entry in scored[:6]} < trained
    assert len(trained) < 13
    assert all(each.fidelity != 0 for each in reports if isinstance(each, events.GenerationFinished))


def test_one_that_ranks_badly_is_skipped_and_nothing_is_compared_with_its_scores(tmp_path: Path) -> None:
    reports = run(tmp_path, executor(2, 1, contrary), algorithm="learner_of_losses")
    entries = lines(reports)[STEPS:]
    assert not verdict(reports).is_trusted
    assert verdict(reports).low is not None
    assert verdict(reports).low <= 0
    assert verdict(reports).reason.startswith("The supernet is not trusted and its rung is skipped: its order")
    first = [entry for entry in entries if entry.get("place") is None]
    assert [entry["fidelity"] for entry in first] == [0] * 6 + [1] * 7
    assert reports[-1].evaluations == 13
    shown = [each.change for each in reports if isinstance(each, events.CandidateProposed)]
    assert shown[:6] == ["saw []"] * 6
    seen = [float(loss) for change in shown for loss in change[len("saw [") : -1].split(", ") if loss]
    assert seen
    assert max(seen) <= -0.5  # losses of measured accuracies; the supernet's scores are worse
    told = next(place for place, each in enumerate(reports) if isinstance(each, events.SupernetJudged))
    proposed = [place for place, each in enumerate(reports) if isinstance(each, events.CandidateProposed)]
    assert proposed[5] < told < proposed[6]
    assert reports[proposed[6]].number >= verdict(reports).place


@pytest.fixture(autouse=True)
def learner_of_losses(monkeypatch: pytest.MonkeyPatch, learner: str) -> None:
    """Proposes at random, and tells the first losses that it was shown."""
    from searches import algorithms

    class Told(RandomSearch):
        def ask(self, number: int, history: History) -> Proposal:
            proposal = super().ask(number, history)
            seen = [f"{each.losses[0]:.3f}" for each in history.evaluated if each.losses]
            return Proposal(proposal.genotype, change=f"saw [{', '.join(seen)}]")

    monkeypatch.setitem(algorithms.registry._classes, "learner_of_losses", Told)


CASES = [
    {},
    {"algorithm": "learner"},
    {"algorithm": "portfolio", "algorithm_options": {"population": 6, "members": "nsga2,predictor,reinforce"}},
    {"algorithm": "progressive"},
    {"synchronisation": "generational"},
    {"lag": 0},
]


@pytest.mark.slow
@pytest.mark.parametrize("supernet", [None, contrary], ids=["trusted", "skipped"])
@pytest.mark.parametrize("changes", CASES, ids=lambda case: "-".join(map(str, case.values()))[:30])
def test_its_history_depends_neither_on_workers_nor_on_where_it_stopped(
    tmp_path: Path, changes: dict[str, Any], supernet: Any
) -> None:
    whole = run(tmp_path / "whole", executor(1, supernet=supernet), **changes)
    assert verdict(whole).is_trusted == (supernet is None)
    for kept in range(0, len(lines(whole)) + 1, 5):
        again = run(tmp_path / "whole", executor(4, kept, supernet), lines(whole)[:kept], **changes)
        assert texts(again) == texts(whole)[kept:], kept
        assert again[-1] == whole[-1]
        assert verdict(again) == verdict(whole)
        if kept == 0:
            told = [[each for each in one if isinstance(each, events.GenerationFinished)] for one in (again, whole)]
            assert told[0] == told[1]


def test_a_state_that_is_lost_behind_the_training_is_made_again(tmp_path: Path) -> None:
    whole = run(tmp_path, executor(1))
    for file in (tmp_path / "states").iterdir():
        file.unlink()
    by = executor(2, 1)
    again = run(tmp_path, by, lines(whole)[: STEPS + 1])
    assert texts(again) == texts(whole)[STEPS + 1 :]
    assert [number for kind, number in by.done if kind == "step"] == [0, 1, 2]


def test_a_supernet_whose_training_fails_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(job: StepJob, state: bytes | None, watch: Any) -> StepResult:
        raise MemoryError("out of memory")

    monkeypatch.setattr(single_path, "perform", too_large)
    whole = run(tmp_path, executor(1))
    assert verdict(whole).reason == f"{SKIPPED}: its training failed: out of memory"
    assert {entry["fidelity"] for entry in lines(whole)[1:]} == {1, 2}
    again = run(tmp_path, executor(4, 1), lines(whole)[:5])
    assert texts(again) == texts(whole)[5:]


def test_networks_that_fail_are_no_pairs_and_too_few_pairs_are_no_proof(tmp_path: Path) -> None:
    networks = sorted(
        each.number for each in run(tmp_path / "a", executor(1)) if isinstance(each, events.CandidateProposed)
    )
    reports = run(tmp_path / "b", ShuffledExecutor(1, 0, frozenset(networks[:3])))
    assert verdict(reports).networks == 3
    assert verdict(reports).reason.endswith("only 3 networks have both results")
    assert not verdict(reports).is_trusted


class Numbered:
    """A problem whose networks are their numbers."""

    seed, document, space = 0, None, None

    def identity(self, genotype: Any) -> str:
        return str(genotype)

    def sample(self, random: Random) -> Any:
        return (random.getrandbits(30),)

    def refusal(self, genotype: Any) -> str:
        return ""


def checked_sequence() -> tuple[Sequence, SupernetCheck]:
    check = SupernetCheck(Step(KIND), networks=4, accuracy=0, fidelity=1, seed=0)
    rungs = Rungs((0, 1), eta=2, tried=4)
    return Sequence(Numbered(), RandomSearch(), 2, rungs=rungs, check=check), check  # type: ignore[arg-type]


def test_the_sequence_trains_then_tries_then_decides() -> None:
    numbers, check = checked_sequence()
    assert isinstance(numbers.ask(), StepAsked)
    assert not numbers.may_ask  # the next step waits for this one
    accepted: list[Any] = [StepDone(0, KIND, {"is_done": True})]
    numbers.accept(accepted[0])
    asked: list[Any] = []
    while check.verdict is None:
        assert numbers.may_ask
        asked.append(one := numbers.ask())
        if isinstance(one, Candidate):
            assert one.fidelity == 0
            assert numbers.seen_by(one.number).evaluated == []
            accepted.append(Evaluated(one.number, one.genotype, one.fingerprint, (-float(one.number),)))
            numbers.accept(accepted[-1])
        if isinstance(one, Promotion):
            losses = (float(one.number),)  # the supernet had it the other way round
            accepted.append(Evaluated(one.number, one.member.genotype, "", losses, fidelity=1, position=one.position))
            numbers.accept(accepted[-1])
    kinds = [type(one) for one in asked]
    assert kinds.count(Candidate) == kinds.count(Promotion) == 4
    assert kinds[-1] is Promotion
    last = numbers.number - 1
    assert check.verdict.tau == -1.0
    assert (check.verdict.is_trusted, check.verdict.position) == (False, last + 3)  # the lag is 2
    assert [type(numbers.ask()) for _ in range(2)] == [Idle, Idle]
    new = numbers.ask()
    assert isinstance(new, Candidate)
    assert (new.number, new.fidelity) == (last + 3, 1)
    assert [each.losses[0] for each in numbers.seen_by(new.number).evaluated] == sorted(
        float(one.number) for one in asked if isinstance(one, Candidate)
    )
    accepted.append(Evaluated(new.number, new.genotype, new.fingerprint, (0.0,), fidelity=1))
    numbers.accept(accepted[-1])
    again, same = checked_sequence()
    again.restore(accepted)
    assert (again.number, again.barren, again.asked) == (numbers.number, 0, numbers.asked)
    assert same.verdict == check.verdict


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        (
            {"space": "cell201", "space_options": {}},
            "ladder.proxy",
            "supernet shares weights between networks of chain or mobile only, but the space is cell201; take another "
            "proxy, such as synflow, or leave it empty",
        ),
        (
            {"evaluations": 6},
            "ladder.trial_networks",
            "must be below evaluations (6), but is 6: a supernet that is only tried saves nothing",
        ),
    ],
)
def test_where_it_cannot_work_it_is_refused(changes: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(SpecErrors) as refused:
        SearchSpec.from_document(SPEC | changes)
    assert [(each.field, each.message) for each in refused.value.problems] == [(field, message)]

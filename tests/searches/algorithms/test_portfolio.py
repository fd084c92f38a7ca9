"""The ensemble: who has a number while a member learns, who is left out, and its vote by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from searches import algorithms
from searches.algorithms import Ballot, Evaluated, History, Proposal, Step
from searches.algorithms.draws import sampled, settle
from searches.algorithms.portfolio import Portfolio
from searches.engine import events
from searches.engine.archive import Archive
from searches.engine.history import canonical, line
from searches.engine.search import search
from searches.engine.selection import choose
from searches.evaluation import steps
from searches.spec import SearchSpec
from tests.searches.engine.learner import STEPS
from tests.searches.engine.shuffled import ShuffledExecutor

EPOCHS = 3
SPEC: dict[str, Any] = {
    "evaluations": 24,
    "seed": 3,
    "lag": 4,
    "objectives": ["accuracy", "params"],
    "algorithm": "portfolio",
    "algorithm_options": {"population": 6, "members": "nsga2,pupil"},
    "space_options": {"max_layers": 4, "widths": [16, 32]},
}


@dataclass
class Pupil:
    """Learns for some steps, as DARTS does, then proposes."""

    title: ClassVar[str] = "Learns first"
    spaces: ClassVar[tuple[str, ...]] = ("chain",)
    needs_training: ClassVar[bool] = True

    population: int = field(default=6, metadata={"min": 1, "max": 100, "help": "numbers in a generation"})

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def ask(self, number: int, history: History) -> Proposal | Step:
        if len(history.steps) < EPOCHS:
            return Step("counting", {"amount": 1}, "learns")
        return settle(lambda random, failed: sampled(random, history), number, history)

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        return [Ballot("pupil", (), "abstains")]


@pytest.fixture(autouse=True)
def pupil(monkeypatch: pytest.MonkeyPatch) -> None:
    assert algorithms.names()
    monkeypatch.setitem(algorithms.registry._classes, "pupil", Pupil)
    monkeypatch.setattr(steps, "__path__", [*steps.__path__, str(STEPS)])


def run(folder: Path, workers: int, history: Any = (), **changes: Any) -> list[Any]:
    spec = SearchSpec.from_document(SPEC | changes)
    return list(search(spec, history=history, executor=ShuffledExecutor(workers, workers), folder=folder))


def lines(reports: list[Any]) -> list[dict[str, Any]]:
    return [line(each) for each in reports if isinstance(each, events.EvaluationFinished | events.StepFinished)]


def test_a_member_that_learns_has_every_second_number_until_it_can_propose(tmp_path: Path) -> None:
    entries = lines(run(tmp_path, 1))
    learning = [entry["number"] for entry in entries if entry.get("kind") == "step"]
    # Numbers 1, 3, 5; until the third of them may be seen (lag 4) two more.
    assert learning == [1, 3, 5, 7, 9]
    owners = [entry["change"].partition(":")[0] for entry in entries if entry["number"] > 10]
    assert set(owners) == {"nsga2", "pupil"}


@pytest.mark.parametrize("allocation", ["adaptive", "fixed"])
def test_its_history_is_a_function_of_the_spec(tmp_path: Path, allocation: str) -> None:
    options = {"algorithm_options": SPEC["algorithm_options"] | {"allocation": allocation}}
    whole = lines(run(tmp_path, 1, **options))
    assert [canonical(each) for each in lines(run(tmp_path, 4, **options))] == [canonical(each) for each in whole]
    for kept in (1, 6, 13, len(whole) - 1):
        again = lines(run(tmp_path, 3, whole[:kept], **options))
        assert [canonical(each) for each in again] == [canonical(each) for each in whole[kept:]]


def test_what_a_member_learns_is_charged_to_it(tmp_path: Path) -> None:
    told = [each.insight for each in run(tmp_path, 1) if isinstance(each, events.GenerationFinished)][-1]
    assert set(told["credit"]) == set(told["cost"]) == {"nsga2", "pupil"}
    assert told["cost"]["pupil"] >= 5 * 1000


def test_who_cannot_search_the_problem_is_left_out_with_a_reason() -> None:
    portfolio = Portfolio(members="nsga2,pupil,predictor")
    assert portfolio.left_out({"space": {"name": "chain"}}) == {}
    assert portfolio.left_out({"space": {"name": "mobile"}}) == {"pupil": "it searches chain, not mobile"}
    assert portfolio.left_out(None) == {"pupil": "its steps train on a dataset, and a table has none"}


def test_a_search_goes_on_without_a_member_that_was_left_out(tmp_path: Path) -> None:
    reports = run(tmp_path, 2, space="mobile", space_options={}, choose="vote", evaluations=8)
    assert not any(isinstance(each, events.StepFinished) for each in reports)
    selected = next(each for each in reports if isinstance(each, events.SelectionFinished))
    assert "pupil: abstains: it was left out, for it searches chain, not mobile" in selected.reasons


def test_darts_is_a_member_where_the_space_allows_it() -> None:
    names = Portfolio().names
    assert names == ("nsga2", "predictor", "reinforce", "darts")
    assert Portfolio().left_out({"space": {"name": "cell201"}}) == {}
    assert list(Portfolio().left_out({"space": {"name": "mobile"}})) == ["darts"]


def test_the_vote_by_hand() -> None:
    """Three on the front: first 7, 4, 9, then 4, 9, 7; one abstains. Points 2+0, 1+2, 0+1 of two ballots: 4 has won."""
    names = ("accuracy", "params")
    spec = SearchSpec.from_document({"objectives": list(names), "choose": "vote", "algorithm": "portfolio"})
    archive = Archive(names, spec.limits)
    accuracy = {7: 0.9, 4: 0.8, 9: 0.7}
    front = [
        archive.evaluated(
            {
                "number": number,
                "fidelity": 5,
                "values": {"accuracy": accuracy[number], "params": 1000.0 * (10 - place)},
                "status": "done",
                "genotype": [number],
                "fingerprint": f"f{number}",
            }
        )
        for place, number in enumerate((7, 4, 9))
    ]
    ballots = [
        Ballot("nsga2", (7, 4, 9), "by rank"),
        Ballot("predictor", (4, 9, 7), "by its mean"),
        Ballot("darts", (), "abstains: it has learned nothing"),
    ]
    chosen, reasons = choose(spec, front, archive, ballots)
    assert chosen == 4
    assert reasons[:4] == [
        "nsga2: by rank",
        "predictor: by its mean",
        "darts: abstains: it has learned nothing",
        "3 points of 2 ballots on 3 candidates",
    ]
    # A tie, 7 and 4 with 2 points each: the smaller fingerprint has it.
    tied, _ = choose(spec, front, archive, [Ballot("a", (7, 4, 9), ""), Ballot("b", (9, 4, 7), "")])
    assert tied == 4

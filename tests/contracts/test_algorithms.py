"""What every registered algorithm must do, on a small table whose optimum is known."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from math import inf, nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from architectures.options import options
from searches import algorithms
from searches.algorithms import Evaluated, Proposal
from searches.engine.events import EvaluationFinished, Event, Progress, StepFinished
from searches.engine.history import line
from searches.engine.search import search
from searches.engine.sequence import BARREN, Asked, Candidate, Sequence
from searches.spec import SearchSpec
from searches.tabular.replay import Question, replay
from searches.tabular.table import Table, TableProblem, TableSpace
from tests.support.formula import FormulaExecutor

POSITIONS, CHOICES, EVALUATIONS, LAG = 6, 4, 60, 3
SMALL = {"portfolio": {"population": 6}, "nsga2": {"population": 6}, "regularized_evolution": {"population": 6}}
ROOMY = 0.02  # how far from random search's mean an algorithm may end below it by bad luck; none does


def table(keep: int = CHOICES**POSITIONS) -> Table:
    """Quality with interactions between neighbours, as networks have them, and a cost that pulls the other way."""
    codes, quality, cost = [], [], []
    random = Random("table")
    weight = [[random.random() for _ in range(CHOICES)] for _ in range(POSITIONS)]
    pair = [[random.random() for _ in range(CHOICES**2)] for _ in range(POSITIONS - 1)]
    for index in range(CHOICES**POSITIONS):
        digits = [index // CHOICES**place % CHOICES for place in range(POSITIONS)]
        single = sum(weight[place][digit] for place, digit in enumerate(digits))
        joint = sum(pair[place][digits[place] * CHOICES + digits[place + 1]] for place in range(POSITIONS - 1))
        codes.append("".join(map(str, digits)))
        quality.append(single + joint)
        cost.append(1.0 + sum(digits) + 0.1 * single)
    kept = sorted(random.sample(range(len(codes)), keep))
    columns = {"quality": quality, "latency": cost, "size": [2 * value + 1 for value in quality]}
    columns["depth"] = [float(code.count("3")) + 1 for code in codes]
    written = {name: [str(column[row]) for row in kept] for name, column in columns.items()}
    return Table("small", tuple(codes[row] for row in kept), written)


WHOLE = table()


def question(minimise: tuple[str, ...] = (), known: Table = WHOLE, evaluations: int = EVALUATIONS) -> Question:
    return Question(known, "quality", "quality", minimise, np.ones(len(known.codes)), inf, evaluations, {})


class Course:
    """An algorithm on the table, told what happened; a part of its numbers may fail."""

    def __init__(self, name: str, asked: Question, lag: int = LAG, seed: int = 1, fails: float = 0.0) -> None:
        problem = TableProblem(asked.table, TableSpace(asked.table.letters), seed, asked.costs)
        self.asked = asked
        self.fails = fails
        self.numbers = Sequence(problem, algorithms.get(name)(**SMALL.get(name, {})), lag)
        self.told: list[Asked] = []

    def run(self, count: int = EVALUATIONS) -> "Course":
        while len(self.numbers.evaluated) < count and self.numbers.may_ask:
            asked = self.numbers.ask()
            self.told.append(asked)
            if isinstance(asked, Candidate):
                self.numbers.accept(self.result(asked))
        return self

    def result(self, candidate: Candidate) -> Evaluated:
        row = self.asked.table.rows[candidate.genotype]
        losses = tuple(self.asked.losses[row].tolist())
        failed = Random(f"fail {candidate.fingerprint}").random() < self.fails or not np.isfinite(losses).all()
        if failed:
            return Evaluated(candidate.number, candidate.genotype, candidate.fingerprint, (), inf)
        return Evaluated(candidate.number, candidate.genotype, candidate.fingerprint, losses)

    @property
    def codes(self) -> list[str]:
        return [each.fingerprint for each in self.numbers.evaluated]


@pytest.fixture(params=[name for name in algorithms.names() if not algorithms.needs_training(name)])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_repeats_under_its_seed(name: str) -> None:
    first, second = Course(name, question()).run(), Course(name, question()).run()
    assert first.told == second.told
    assert Course(name, question(), seed=2).run().codes != first.codes


def test_asking_a_number_again_gives_the_same_answer(name: str) -> None:
    course = Course(name, question()).run(30)
    numbers = course.numbers
    late: list[Proposal] = []
    for number in (29, 12, 0, 29):
        history = numbers.seen_by(number)
        late.append(numbers.algorithm.ask(number, history))
        assert late[-1] == numbers.algorithm.ask(number, history)
    assert late[0] == late[-1]


def test_it_stops_and_goes_on_to_the_same_history(name: str) -> None:
    whole = Course(name, question()).run()
    for kept in (0, 1, 7, 23, 59):
        resumed = Course(name, question())
        resumed.numbers.restore(whole.numbers.evaluated[:kept])
        assert resumed.run().codes == whole.codes


def test_the_order_in_which_results_come_changes_nothing(name: str) -> None:
    """With a lag, as many as it allows may be under way before the first of them is accepted."""
    course = Course(name, question())
    waiting: list[Candidate] = []
    while len(course.numbers.evaluated) < EVALUATIONS:
        while course.numbers.may_ask and course.numbers.issued < EVALUATIONS:
            asked = course.numbers.ask()
            waiting += [asked] if isinstance(asked, Candidate) else []
        course.numbers.accept(course.result(waiting.pop(0)))
    assert course.codes == Course(name, question()).run().codes


def test_it_proposes_each_network_once(name: str) -> None:
    codes = Course(name, question()).run().codes
    assert len(codes) == len(set(codes)) == EVALUATIONS


@pytest.mark.parametrize("minimise", [(), ("latency",), ("latency", "size", "depth")])
def test_it_works_with_one_two_and_four_objectives(name: str, minimise: tuple[str, ...]) -> None:
    course = Course(name, question(minimise)).run(30)
    assert len(course.codes) == 30
    front = [each for each in course.numbers.evaluated if each.losses][:5]
    for ballot in course.numbers.algorithm.ballots(front, course.numbers.seen_by(course.numbers.number)):
        assert ballot.reason
        assert not ballot.ranking or sorted(ballot.ranking) == sorted(each.number for each in front)


@pytest.mark.parametrize("fails", [0.4, 1.0])
def test_it_lives_with_candidates_that_fail(name: str, fails: float) -> None:
    course = Course(name, question(("latency",)), fails=fails).run(30)
    assert len(course.codes) == 30


def test_it_prefers_what_keeps_the_limits(name: str) -> None:
    """Results beyond a limit have a violation; they rank behind all others, by how far they are beyond."""
    asked = question(("latency",))
    course = Bound(name, asked).run()
    assert len(course.codes) == EVALUATIONS
    if name in ("nsga2", "predictor", "regularized_evolution"):
        kept = [each.is_feasible for each in course.numbers.evaluated]
        assert sum(kept[30:]) > sum(kept[:30])


class Bound(Course):
    """With a limit on the second objective that half of the networks break."""

    def result(self, candidate: Candidate) -> Evaluated:
        found = super().result(candidate)
        bound = float(np.median(self.asked.losses[:, 1]))
        return replace(found, violation=max(0.0, found.losses[1] / bound - 1))


@pytest.mark.chain(seconds=6)
@pytest.mark.parametrize("after", [1, 5])
def test_a_cancelled_search_stops_at_once_and_goes_on_to_the_same_history(
    name: str, after: int, tmp_path: Path
) -> None:
    document = {"algorithm": name, "evaluations": 14, "seed": 2, "lag": 3, "objectives": ["accuracy", "params"]}
    options = {"members": "nsga2,predictor,reinforce"} if name == "portfolio" else {}  # darts would train a supernet
    spec = SearchSpec.from_document(document | {"algorithm_options": options})
    whole = [entry for entry, _ in told(search(spec, executor=FormulaExecutor(), folder=tmp_path))]
    executor = FormulaExecutor()
    under_way = search(spec, executor=executor, folder=tmp_path)
    kept = list(islice(told(under_way), after))
    under_way.close()
    assert not executor.messages  # the executor was closed, nothing is under way
    history = [{**entry, "timing": {}, "files": files} for entry, files in kept]
    rest = [entry for entry, _ in told(search(spec, history=history, executor=FormulaExecutor(), folder=tmp_path))]
    assert [entry for entry, _ in kept] + rest == whole


def told(reports: Iterable[Event | Progress]) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Accepted results: lines without their timing, and their files."""
    for report in reports:
        if isinstance(report, EvaluationFinished | StepFinished):
            yield {key: value for key, value in line(report).items() if key != "timing"}, report.files


def test_it_lives_with_values_that_are_missing(name: str) -> None:
    columns = dict(WHOLE.columns) | {
        "quality": [str(nan) if row % 3 else cell for row, cell in enumerate(WHOLE.columns["quality"])]
    }
    found = replay(question(known=Table("gaps", WHOLE.codes, columns)), name, SMALL.get(name, {}), 1, LAG)
    assert len(found.rows) == EVALUATIONS
    assert found.incumbents


def test_it_keeps_to_what_is_allowed(name: str) -> None:
    course = Course(name, question(known=table(keep=500))).run(100)
    assert len(course.codes) == 100
    assert sum(len(asked.refused) for asked in course.told) > 0


def test_it_ends_when_everything_is_known(name: str) -> None:
    few = Table("few", ("00", "01", "10"), {"quality": ["1", "2", "3"]})
    course = Course(name, question(known=few)).run()
    assert sorted(course.codes) == ["00", "01", "10"]
    assert course.numbers.barren == BARREN


def test_it_lives_in_a_space_of_one_point(name: str) -> None:
    course = Course(name, question(known=Table("one", ("00",), {"quality": ["1"]}))).run()
    assert course.codes == ["00"]


def test_it_is_not_worse_than_random_search(name: str) -> None:
    """Mean of the best found over twelve repeats."""
    asked = question()
    best = {each: np.mean([quality(asked, each, seed) for seed in range(12)]) for each in {name, "random_search"}}
    floor = 0.0 if name == "random_search" else -ROOMY * abs(best["random_search"])
    assert best[name] >= best["random_search"] + floor


def quality(asked: Question, name: str, seed: int) -> float:
    found = replay(asked, name, SMALL.get(name, {}), seed, 0)
    return float(asked.reported[found.incumbents[-1]])


def test_its_options_have_a_help_and_its_defaults_no_fault(name: str) -> None:
    known = options(algorithms.get(name))
    assert all(option.help for option in known)
    assert "population" in [option.name for option in known]
    assert list(algorithms.get(name)().faults()) == []
    assert algorithms.get(name).title

"""DARTS as an algorithm: when it asks steps, and what it proposes from the alphas that they report."""

from itertools import islice
from random import Random
from typing import Any

import pytest

from architectures.spaces.limits import Limits
from searches.algorithms import Evaluated, History, Proposal, Step, StepDone
from searches.algorithms.darts import Darts, log_probability
from searches.algorithms.likely import most_likely
from searches.engine.problem import SpecProblem
from searches.engine.sequence import Candidate, Refused, StepAsked
from searches.engine.sequence import Sequence as Numbers
from searches.evaluation import datasets
from searches.spec import SearchSpec, SpecErrors

LAG = 3


def problem(**changes: Any) -> SpecProblem:
    return SpecProblem(SearchSpec(algorithm="darts", **changes), datasets.facts("digits"))


def rows(shown: SpecProblem, seed: int, sharpness: float = 3.0) -> list[list[float]]:
    random = Random(seed)
    found = []
    for decision in Darts()._description(History(shown, [], set(), LAG)).decisions:
        drawn = [random.random() ** sharpness + 0.01 for _ in decision.choices]
        found.append([each / sum(drawn) for each in drawn])
    return found


def report(shown: SpecProblem, *, is_done: bool) -> dict[str, Any]:
    sets = [{"weight": weight, "alphas": rows(shown, seed)} for weight, seed in ((0.0, 1), (1.0, 2))]
    facts = {"epoch": 2.0, "loss": 1.0, "accuracy": 0.5, "temperature": 1.0, "skip_share": 0.1, "eigenvalue": None}
    return {**facts, "sets": sets, "is_done": is_done}


class Course:
    """The engine's sequence with steps that are done after so many."""

    def __init__(self, shown: SpecProblem, steps: int = 5, fails: int = -1, **options: Any) -> None:
        self.shown, self.steps, self.fails = shown, steps, fails
        self.numbers = Numbers(shown, Darts(**options), LAG)
        self.asked: list[Any] = []

    def run(self, count: int) -> "Course":
        while len(self.asked) < count:
            asked = self.numbers.ask()
            self.asked.append(asked)
            if isinstance(asked, StepAsked):
                self.numbers.accept(self.step(asked))
            if isinstance(asked, Candidate):
                self.numbers.accept(Evaluated(asked.number, asked.genotype, asked.fingerprint, (-0.9,)))
        return self

    def step(self, asked: StepAsked) -> StepDone:
        done = sum(isinstance(each, StepAsked) for each in self.asked)
        if done == self.fails:
            return StepDone(asked.number, "darts", {}, "out of memory")
        return StepDone(asked.number, "darts", report(self.shown, is_done=done >= self.steps))


@pytest.mark.parametrize("space", ["chain", "cell201"])
def test_it_trains_its_supernet_waits_for_the_last_alphas_and_then_proposes(space: str):
    asked = Course(problem(space=space)).run(5 + LAG + 12).asked
    assert all(isinstance(each, StepAsked) for each in asked[: 5 + LAG])
    proposed = asked[5 + LAG :]
    assert all(isinstance(each, Candidate) for each in proposed)
    assert len({each.fingerprint for each in proposed}) == 12


def test_the_first_proposals_are_the_most_likely_network_of_each_cost_weight():
    shown = problem(space="cell201")
    proposed = Course(shown, max_skip_share=1.0).run(5 + LAG + 4).asked[5 + LAG :]
    best = []
    for seed in (1, 2):
        table = [[0.0, *row[1:]] for row in rows(shown, seed)]  # no "none" in what is derived
        best.append(shown.space.canonical(next(most_likely(table))))
    assert {each.genotype for each in proposed[:2]} == set(best)
    assert proposed[0].change == "rank 1 of the alphas of cost weight 1"
    assert [each.change for each in proposed[2:]] == [
        "rank 2 of the alphas of cost weight 1",
        "rank 2 of the alphas of cost weight 0",
    ]


def test_a_step_tells_all_options_and_what_the_alphas_avoid():
    step = Course(problem(), epochs=7, cost="latency").run(1).asked[0].step
    assert step.kind == "darts"
    assert step.options["epochs"] == 7
    assert step.options["cost"] == "latency"
    assert step.change == "trains the supernet on; of 7 epochs none is known yet"


def test_a_step_that_fails_ends_the_training_and_the_alphas_so_far_propose():
    asked = Course(problem(), fails=3).run(3 + LAG + 4).asked
    assert all(isinstance(each, StepAsked) for each in asked[: 3 + LAG])
    assert all(isinstance(each, Candidate) for each in asked[3 + LAG :])


def test_without_any_alphas_it_draws_at_random():
    asked = Course(problem(), fails=1, steps=99)
    asked.step = lambda step: StepDone(step.number, "darts", {}, "out of memory")  # type: ignore[method-assign]
    assert all(each.change == "drawn at random" for each in asked.run(LAG + 6).asked[LAG + 1 :])


def test_it_keeps_to_limits_however_unlikely():
    shown = problem(limits=Limits(max_params=9_000))
    asked = Course(shown).run(5 + LAG + 12).asked[5 + LAG :]
    proposed = [each for each in asked if isinstance(each, Candidate)]
    assert len(proposed) >= 8
    assert all(shown.network(each.genotype).complexity.params <= 9_000 for each in proposed)
    assert not any(isinstance(each, StepAsked) for each in asked)
    assert sum(len(each.refused) for each in asked) > 0 or not [each for each in asked if isinstance(each, Refused)]


def test_a_guarded_network_has_fewer_skips_than_the_guard_allows():
    shown = problem(space="cell201")
    skips = [[0.0, 0.96, 0.02, 0.01, 0.01]] * 6
    for share, least in ((0.5, 2), (1.0, 6)):
        course = Course(shown, max_skip_share=share)
        course.step = lambda step: StepDone(  # type: ignore[method-assign]
            step.number, "darts", {**report(shown, is_done=True), "sets": [{"weight": 0.0, "alphas": skips}]}
        )
        first = course.run(1 + LAG + 1).asked[-1]
        description = Darts()._description(History(shown, [], set(), LAG))
        choices = next(each for each in most_likely(skips) if description.skip_share(each) < share or share == 1)
        assert first.genotype == description.genotype(choices)
        assert description.operations(choices).count("skip_connect") == least


def test_it_stops_and_goes_on_to_the_same_proposals():
    whole = Course(problem()).run(24)
    for kept in (0, 3, 8, 15):
        resumed = Course(problem())
        steps, evaluated = whole.numbers.steps, whole.numbers.evaluated
        resumed.numbers.restore(sorted([*steps, *evaluated], key=lambda each: each.number)[:kept])
        resumed.asked = whole.asked[: resumed.numbers.number]
        assert resumed.run(24).asked == whole.asked


def test_it_orders_a_front_by_the_probability_under_its_alphas():
    shown = problem(space="cell201")
    course = Course(shown).run(30)
    front = course.numbers.evaluated[:6]
    history = course.numbers.seen_by(course.numbers.number + LAG)
    (ballot,) = course.numbers.algorithm.ballots(front, history)
    description, alphas = Darts()._description(history), rows(shown, 1)
    scores = [
        log_probability(description, alphas, next(f.genotype for f in front if f.number == n)) for n in ballot.ranking
    ]
    assert scores == sorted(scores, reverse=True)
    (nothing,) = Darts().ballots(front, History(shown, [], set(), LAG))
    assert nothing.reason == "abstains: its supernet has learned nothing yet"


def test_it_tells_where_its_supernet_stands():
    course = Course(problem()).run(10)
    assert course.numbers.algorithm.insight(course.numbers.seen_by(10)) == {  # type: ignore[attr-defined]
        "epoch": 2.0,
        "loss": 1.0,
        "accuracy": 0.5,
        "temperature": 1.0,
        "skip_share": 0.1,
    }


def test_the_most_likely_points_come_in_order():
    random = Random(3)
    table = [[random.random() for _ in range(count)] for count in (3, 2, 4)]
    found = list(most_likely(table))
    scores = [table[0][a] * table[1][b] * table[2][c] for a, b, c in found]
    assert len(set(found)) == len(found) == 24
    assert scores == sorted(scores, reverse=True)
    assert list(islice(most_likely([[0.5, 0.5], [1.0]]), 2)) == [(0, 0), (1, 0)]


@pytest.mark.parametrize("text", ["", "a", "1,2,3,4,5,6", "-1", "nan"])
def test_it_refuses_weights_that_are_none(text: str):
    (fault,) = Darts(cost_weights=text).faults()
    assert fault == ("cost_weights", f"must be 1 to 5 numbers from 0 to 100, separated by commas, but is {text!r}")


def test_a_space_without_a_supernet_is_refused_with_the_spec() -> None:
    document = {"algorithm": "darts", "space": "mobile"}
    with pytest.raises(SpecErrors) as refused:
        SearchSpec.from_document(document)
    assert str(refused.value) == "space: must be cell201 or chain for darts, but is mobile"


def test_a_table_has_no_networks_to_share_weights():
    class Table:
        document = None
        seed, space = 1, None

    with pytest.raises(ValueError, match="darts trains a supernet of the space's networks, and a table has none"):
        Darts().ask(0, History(Table(), [], set(), LAG))  # type: ignore[arg-type]


def test_a_proposal_is_the_same_when_it_is_asked_again():
    course = Course(problem()).run(14)
    history = course.numbers.seen_by(14)
    first, second = (course.numbers.algorithm.ask(14, history) for _ in range(2))
    assert isinstance(first, Proposal)
    assert not isinstance(first, Step)
    assert first == second == Darts().ask(14, history)

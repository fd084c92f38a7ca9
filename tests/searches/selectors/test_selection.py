"""Choosing on the front of a run: limits, votes, questions, and what a little more accuracy costs, in words."""

import re

import pytest

from searches.pareto import ChoiceError
from searches.pareto.preferences import QUESTIONS_AT_MOST, elicit, parse_answers
from searches.selectors.selection import prices, reasons, voted, within

NAMES = ["accuracy", "latency", "params"]


def entry(number: int, accuracy: float, latency: float, params: float) -> dict[str, object]:
    values = {"accuracy": accuracy, "latency": latency, "params": params}
    return {"number": number, "fingerprint": f"{number:032x}", "values": values, "test_accuracy": None}


FRONT = [entry(1, 0.90, 1.0, 10_000.0), entry(2, 0.95, 2.0, 40_000.0), entry(3, 0.953, 2.8, 81_000.0)]


def test_a_limit_bounds_a_cost_from_above_and_a_gain_from_below() -> None:
    assert [each["number"] for each in within(FRONT, {"limit.latency": "2"}, NAMES)] == [1, 2]
    assert [each["number"] for each in within(FRONT, {"limit.accuracy": ".95"}, NAMES)] == [2, 3]
    assert within(FRONT, {"limit.latency": " "}, NAMES) == FRONT


def test_limits_that_nothing_keeps_are_named() -> None:
    with pytest.raises(ChoiceError, match=r"no candidate on the front meets latency ≤ 0\.500 ms; relax a constraint"):
        within(FRONT, {"limit.latency": "0.5"}, NAMES)
    with pytest.raises(ChoiceError, match=r"the constraint on latency must be a number, for example 0\.18"):
        within(FRONT, {"limit.latency": "fast"}, NAMES)


def test_the_members_vote_and_who_abstains_says_why() -> None:
    ballots = [
        {"voter": "predictor", "ranking": [2, 3, 1], "reason": "predicted mean"},
        {"voter": "nsga2", "ranking": [], "reason": "abstains: it has no opinion"},
    ]
    chosen, words = voted(FRONT, NAMES, ballots)
    assert chosen["number"] == 2
    assert words == ["nsga2 abstains: it has no opinion", "predictor ranks it 1 of 3"]


def test_without_a_ballot_the_knee_is_taken() -> None:
    chosen, words = voted(FRONT, NAMES, [])
    assert (chosen["number"], words) == (2, ["no ballot was cast, so the knee is selected"])
    abstaining = [{"voter": "nsga2", "ranking": [], "reason": "abstains: it has no opinion"}]
    assert voted(FRONT, NAMES, abstaining)[1] == [
        "nsga2 abstains: it has no opinion",
        "all abstained, so the knee is selected",
    ]


def test_what_a_little_more_accuracy_costs() -> None:
    assert prices(FRONT, FRONT[1], NAMES) == ["+0.3 % accuracy (#3) costs 0.800 ms latency and 41.0 K parameters"]
    assert prices(FRONT, FRONT[2], NAMES) == ["−0.3 % accuracy (#2) saves 0.800 ms latency and 41.0 K parameters"]
    assert prices(FRONT, FRONT[0], ["latency"]) == []


def test_reasons_compare_with_the_best() -> None:
    found = reasons(FRONT, FRONT[1], NAMES)
    assert re.fullmatch(r"0\.3 percentage points below the best (\w+ )?accuracy", found[0])
    assert found[1:] == ["2.0 × the least latency", "4.0 × the least parameters"]


def test_answers_lead_to_what_matters() -> None:
    """Somebody who only looks at accuracy, and somebody who only looks at latency."""
    front = [entry(n, 0.8 + 0.02 * n, 1.0 + n * n / 10, 1000.0 * (n + 1)) for n in range(10)]
    for name, expected in (("accuracy", 9), ("latency", 0)):
        answers: list[tuple[int, int]] = []
        known = elicit(front, NAMES, answers)
        while known.question:
            one, other = known.question
            sign = 1 if name == "accuracy" else -1
            first = sign * one["values"][name] > sign * other["values"][name]
            answers.append((one["number"], other["number"]) if first else (other["number"], one["number"]))
            known = elicit(front, NAMES, answers)
        assert 1 <= len(answers) <= QUESTIONS_AT_MOST
        assert known.chosen["number"] == expected
        assert known.contradicted == 0


def test_answers_that_contradict_each_other_are_counted() -> None:
    assert elicit(FRONT, NAMES, [(1, 2), (2, 1)]).contradicted == 1


def test_a_link_that_somebody_edited_is_no_fault() -> None:
    assert parse_answers(["3>5", "x>1", "4", "1>2>3", "7>99999999999"]) == [(3, 5)]

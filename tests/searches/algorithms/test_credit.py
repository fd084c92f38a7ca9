"""Who proposes: credit by hypervolume gained per counted cost."""

import pytest

from searches.algorithms.portfolio import Credit, Portfolio
from tests.contracts.test_algorithms import Course, question


def test_credit_is_gain_by_cost_and_fades() -> None:
    credit = Credit(("a", "b"), memory=0.5)
    assert credit.shares(floor=0.2) == [0.5, 0.5]
    credit.enter("a", 4.0, 1.0)  # the usual gain is then 2
    credit.enter("b", 1.0, 2.0)  # and 1.5 now
    assert credit.gained == {"a": 1.0, "b": pytest.approx(1 / 1.5)}
    assert credit.spent == {"a": 0.5, "b": 2.0}
    assert credit.paid == {"a": 1.0, "b": 2.0}
    rates = 2.0, 1 / 3
    assert credit.shares(floor=0.2) == pytest.approx([0.1 + 0.8 * rate / sum(rates) for rate in rates])


def test_a_network_behind_three_fronts_gains_nothing_and_one_that_is_nearly_the_best_gains_something() -> None:
    course = Course("portfolio", question()).run(20)
    portfolio = course.numbers.algorithm
    assert isinstance(portfolio, Portfolio)
    done = sorted((each for each in course.numbers.evaluated if each.losses), key=lambda each: each.losses)
    assert portfolio.gain(done[-1]) == 0.0
    assert portfolio.gain(done[1]) > 0.0


def test_it_tells_credit_and_cost_of_each_member() -> None:
    course = Course("portfolio", question()).run(40)
    portfolio = course.numbers.algorithm
    assert isinstance(portfolio, Portfolio)
    told = portfolio.insight(course.numbers.seen_by(43))
    assert sum(told["credit"].values()) == pytest.approx(1.0, abs=1e-3)
    assert sum(told["cost"].values()) <= 40
    assert portfolio.insight(course.numbers.seen_by(0)) == {}

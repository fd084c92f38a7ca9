"""How well two orders agree, and how sure few networks make of it."""

from math import nan
from random import Random

import pytest
from scipy.stats import kendalltau

from searches.evaluation.rank_correlation import agreement, tau

PINNED = ["-0x1.49fc590f8576bp-2", "-0x1.3e034fff216bap-1", "-0x1.21fe60457df9bp-5"]


def test_tau_is_kendalls() -> None:
    assert tau([1, 2, 3], [4, 5, 6]) == pytest.approx(1.0)
    assert tau([1, 2, 3], [6, 5, 4]) == pytest.approx(-1.0)
    assert tau([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(5 / 30**0.5)
    assert tau([1, 1], [1, 2]) is None


def test_tau_is_kendalls_of_any_two_orders() -> None:
    random = Random(7)
    for _ in range(300):
        first = [random.randrange(6) for _ in range(random.randrange(2, 20))]
        second = [random.randrange(6) for _ in first]
        found = tau(first, second)
        assert (nan if found is None else found) == pytest.approx(kendalltau(first, second).statistic, nan_ok=True)


def test_a_verdict_that_stands_in_a_history_keeps_its_bits() -> None:
    """Tau and its interval are rounded into the recorded reason: another formula may differ in the last bit."""
    random = Random(11)
    scores, truths = ([random.randrange(9) for _ in range(12)] for _ in range(2))
    found = agreement(scores, truths, Random("3/trial"))
    assert found is not None
    assert [each.hex() for each in (found.tau, found.low, found.high)] == PINNED


def test_the_interval_holds_tau_and_is_narrower_for_more_networks() -> None:
    random = Random(5)
    truth = [random.random() for _ in range(60)]
    scores = [value + random.gauss(0, 0.3) for value in truth]
    few, many = (agreement(scores[:n], truth[:n], Random(1)) for n in (10, 60))
    assert few is not None
    assert many is not None
    assert few.low < few.tau < few.high
    assert many.high - many.low < 0.6 * (few.high - few.low)
    assert agreement(scores[:10], truth[:10], Random(1)) == few  # the same draws


def test_by_chance_about_one_in_ten_is_wholly_above_nothing() -> None:
    random = Random(2)
    above = 0
    for index in range(60):
        first, second = ([random.random() for _ in range(10)] for _ in range(2))
        found = agreement(first, second, Random(index))
        above += found is not None and found.low > 0
    assert 1 <= above <= 15


def test_who_tells_nothing_apart_agrees_with_nobody() -> None:
    assert agreement([1, 1, 1], [1, 2, 3], Random(1)) is None

"""Search quality, watched over time: a seeded replay has a floor for each algorithm; what spoils a search fails.

Floors are the figures of the day they were set, less two standard errors; a better algorithm may raise them.
"""

from math import inf

import numpy as np
import pytest

from searches import algorithms
from searches.tabular.expression import evaluated
from searches.tabular.replay import Question, Replayed, replay
from searches.tabular.table import read
from tests.architectures.examination import TABLE
from tests.contracts.test_algorithms import question

SEEDS = range(100, 110)
NAMES = [name for name in algorithms.names() if not algorithms.needs_training(name)]
# Mean number of networks of the small table that are better than the one found in 60 evaluations, of 4,096.
WORST_RANK = {
    "nsga2": 26,
    "portfolio": 16,
    "predictor": 14,
    "progressive": 20,
    "random_search": 140,
    "regularized_evolution": 14,
    "reinforce": 16,
}
# Mean share of the true hypervolume, quality and latency.
LEAST_SHARE = {
    "nsga2": 0.83,
    "portfolio": 0.94,
    "predictor": 0.76,
    "progressive": 0.78,
    "random_search": 0.68,
    "regularized_evolution": 0.7,
    "reinforce": 0.75,
}
# NAS-Bench-201, 12,000 simulated seconds: mean 12-epoch validation accuracy found on CIFAR-10.
LEAST_ACCURACY = {
    "nsga2": 84.36,
    "portfolio": 84.4,
    "predictor": 84.4,
    "progressive": 84.3,
    "random_search": 83.3,
    "regularized_evolution": 84.08,
    "reinforce": 83.6,
}


def test_every_algorithm_has_a_floor() -> None:
    assert set(NAMES) == set(WORST_RANK) == set(LEAST_SHARE) == set(LEAST_ACCURACY)


@pytest.mark.parametrize("name", sorted(WORST_RANK))
def test_it_finds_a_good_network(name: str) -> None:
    asked = question()
    found = [asked.reported[each.incumbents[-1]] for each in repeats(asked, name)]
    ranks = [int((asked.reported > value).sum()) for value in found]
    assert np.mean(ranks) <= WORST_RANK[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LEAST_SHARE))
def test_it_finds_most_of_the_front(name: str) -> None:
    found = [each.hypervolume_share for each in repeats(question(("latency",)), name)]
    assert np.mean(found) >= LEAST_SHARE[name]


@pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE} is not there; NASPORTAL_TRUTH_DATA names its folder")
@pytest.mark.parametrize("name", sorted(LEAST_ACCURACY))
def test_it_finds_a_good_cell_of_the_published_table(name: str, published: Question) -> None:
    found = [published.reported[each.incumbents[-1]] for each in repeats(published, name)]
    assert np.mean(found) >= LEAST_ACCURACY[name]


@pytest.fixture(scope="module")
def published() -> Question:
    table = read(TABLE, "code")
    costs = evaluated("c10_train_time_s * 12/200 * 1.2", table)
    return Question(table, "c10_valid_12", "c10_valid_12", (), costs, 12_000, 10_000, {})


def repeats(asked: Question, name: str) -> list[Replayed]:
    assert asked.evaluations < inf
    return [replay(asked, name, {}, seed, 0) for seed in SEEDS]

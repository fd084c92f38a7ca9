"""The predictor's parts against what they stand for."""

from random import Random

import numpy as np
import pytest

from searches import pareto
from searches.algorithms.predictor import MOST_POINTS, Predictor, gained
from searches.algorithms.surrogate import Surrogate
from tests.contracts.test_algorithms import Course, question


def test_the_gain_over_random_directions_orders_as_the_hypervolume_does() -> None:
    generator = np.random.default_rng(1)
    known, drawn = generator.random((12, 2)), generator.random((40, 2)) * 0.8
    worst = known.max(axis=0).tolist()
    before = pareto.hypervolume(known, worst)
    exact = [pareto.hypervolume([*known.tolist(), each.tolist()], worst) - before for each in drawn]
    found, _ = gained(drawn, known, np.random.default_rng(2))
    assert np.corrcoef(exact, found)[0, 1] > 0.95


def test_scores_lead_back_to_losses() -> None:
    losses = np.array([5.0, 1.0, 3.0, 2.0, 9.0])
    surrogate = Surrogate(np.arange(5)[:, None], losses)
    assert surrogate.losses_at(surrogate.scores) == pytest.approx(losses)
    assert surrogate.losses_at(np.array([-9.0]))[0] < 1.0


def test_it_learns_from_a_bounded_set_of_a_long_history() -> None:
    course = Course("random_search", question(("latency",), evaluations=1_500)).run(1_500)
    knowledge = Predictor().knowledge(course.numbers.all_seen())
    assert knowledge is not None
    assert len(knowledge.losses) <= MOST_POINTS
    losses = np.array([each.losses for each in course.numbers.evaluated])
    assert knowledge.losses[:, 0].min() == losses[:, 0].min()


def test_a_result_is_predicted_from_the_others_as_if_it_had_never_been_seen() -> None:
    generator = np.random.default_rng(3)
    genotypes = generator.integers(0, 3, (12, 4))
    surrogate = Surrogate(genotypes, genotypes.sum(axis=1) + generator.random(12))
    best = surrogate.members[int(np.argmax(surrogate.shares))]
    kernel = best.factor @ best.factor.T
    rest = np.arange(12) != 5
    expected = kernel[5, rest] @ np.linalg.solve(kernel[np.ix_(rest, rest)], surrogate.scores[rest])
    assert surrogate.left_out()[5] == pytest.approx(expected)


def test_it_tells_how_well_it_predicts() -> None:
    course = Course("predictor", question(evaluations=60)).run(60)
    learner = course.numbers.algorithm
    assert isinstance(learner, Predictor)
    last = course.numbers.last_asked(50)
    assert last is not None
    seen = course.numbers.seen_by(last)
    told = learner.insight(seen)
    assert set(told) == {"correlation", "error"}
    assert told["correlation"] > 0.2
    fresh = Predictor()
    fresh.ask(last, seen)
    assert fresh.insight(seen) == told  # after a stop, too
    assert learner.insight(course.numbers.seen_by(0)) == {}


def test_it_explains_what_it_has_seen() -> None:
    random = Random(1)
    genotypes = np.array([[random.randrange(4) for _ in range(6)] for _ in range(120)])
    losses = genotypes.sum(axis=1) + 0.5 * genotypes[:, 0] * genotypes[:, 1]
    surrogate = Surrogate(genotypes[:100], losses[:100].astype(float))
    means, deviations = surrogate.predict(genotypes[100:])
    assert np.corrcoef(means, losses[100:])[0, 1] > 0.8
    assert (deviations > 0).all()

"""The controller learns, and a long history is learned again in bounded steps."""

import pytest

from searches.algorithms.reinforce import Reinforce
from searches.tabular.replay import replay
from tests.contracts.test_algorithms import Course, question


def test_a_policy_that_only_repeats_itself_is_loosened_until_something_new_comes() -> None:
    """Of 4,096 networks it has learned to write a few; 100 numbers in a row without a new one would end the search."""
    assert len(Course("reinforce", question(evaluations=300), lag=0, seed=0).run(300).codes) == 300


def test_batches_grow_with_the_history() -> None:
    """Ten thousand results are learned in a few hundred updates, not in five thousand."""
    course = Course("random_search", question(evaluations=2_000)).run(2_000)
    learner = Reinforce()
    learner.learned(course.numbers.all_seen())
    assert learner._controller is not None
    assert 100 < learner._controller.updates < 300


def test_it_tells_what_it_learned_at_each_number() -> None:
    course = Course("reinforce", question()).run(40)
    learner = course.numbers.algorithm
    assert isinstance(learner, Reinforce)
    early, late = learner.insight(course.numbers.seen_by(20)), learner.insight(course.numbers.seen_by(43))
    assert set(early) == set(late) == {"reward", "baseline", "entropy"}
    assert early != late
    assert learner.insight(course.numbers.seen_by(0)) == {}


@pytest.mark.parametrize("seed", range(5))
def test_what_it_writes_late_is_better_than_what_it_wrote_early(seed: int) -> None:
    """Of 200 networks; later the best of so small a table have all been written. The long form is in the benchmarks."""
    asked = question(evaluations=200)
    rewards = -asked.losses[list(replay(asked, "reinforce", {}, seed, 0).rows), 0]
    assert rewards[-50:].mean() > rewards[:50].mean()

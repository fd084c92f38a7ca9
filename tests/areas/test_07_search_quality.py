"""Area 7: on a landscape whose optimum is known, what is guided must find more than what is drawn at random."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import mean

import pytest

from searches.algorithms.algorithm import Evaluated
from searches.algorithms.nsga2 import Survivors, ranked, tournament
from searches.engine.events import SearchFinished
from searches.engine.executors.executor import Job, JobFinished
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.support.formula import FormulaExecutor

SEEDS = range(6)


class Landscape(FormulaExecutor):
    """More depthwise convolutions with fewer pools are better, and every node costs."""

    def finished(self, job: Job) -> JobFinished:
        finished = super().finished(job)
        if finished.kind == "test":
            return finished
        return replace(finished, values={"accuracy": worth(job["graph"]), "params": float(len(job["graph"]["nodes"]))})


def worth(graph: Mapping[str, object]) -> float:
    text = str(graph["nodes"])
    good, bad = text.count(".depthwise"), text.count("Pool") + text.count("'dilation': 2")
    return 0.5 + 0.03 * good - 0.02 * bad


def volume(folder: Path, algorithm: str, seed: int) -> float:
    spec = SearchSpec.from_document(
        {"algorithm": algorithm, "evaluations": 120, "seed": seed, "objectives": ["accuracy", "params"]}
    )
    *_, last = search(spec, executor=Landscape(), folder=folder)
    assert isinstance(last, SearchFinished)
    return last.hypervolume


@pytest.mark.chain(seconds=6)
def test_nsga2_finds_more_than_random_search_does(tmp_path: Path) -> None:
    guided = mean(volume(tmp_path, "nsga2", seed) for seed in SEEDS)
    blind = mean(volume(tmp_path, "random_search", seed) for seed in SEEDS)
    assert guided > 1.02 * blind


def member(number: int, *losses: float) -> Evaluated:
    return Evaluated(number, (number,), f"{number:04}", losses)


def test_the_tournament_prefers_the_better_of_two() -> None:
    """Binary tournament: of n members in order, the mean winner stands at n/3, not at n/2 or behind it."""
    parents = ranked([member(n, float(n)) for n in range(30)])
    order = {each.member.number: place for place, each in enumerate(sorted(parents, key=lambda each: each.key))}
    random = Random(3)
    assert mean(order[tournament(parents, random).number] for _ in range(2000)) == pytest.approx(9.7, abs=0.7)


def test_the_best_of_all_generations_survive() -> None:
    early = [member(n, n / 10) for n in range(4)]
    late = [member(4 + n, 5.0 + n) for n in range(8)]
    assert {each.member.number for each in Survivors(4, 4).of([*early, *late])} == {0, 1, 2, 3}


def test_of_the_last_front_the_least_crowded_survive() -> None:
    """Six points of one front: the ends and the one that stands alone stay, two of a crowd go."""
    points = [(0.0, 1.0), (0.1, 0.9), (0.11, 0.89), (0.12, 0.88), (0.5, 0.5), (1.0, 0.0)]
    survivors = Survivors(4, 100).of([member(n, *point) for n, point in enumerate(points)])
    assert {0, 4, 5} <= {each.member.number for each in survivors}

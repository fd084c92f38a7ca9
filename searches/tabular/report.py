"""Repeats of a replay, and what they say together."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import isfinite
from multiprocessing import get_context
from typing import Any

import numpy as np

from searches.tabular.replay import Question, Replayed, replay

CURVE_POINTS = 50


@dataclass(frozen=True)
class Contest:
    """Which algorithm, how often, from which seed on."""

    name: str
    options: Mapping[str, Any]
    repeats: int
    seed: int
    lag: int


def repeated(
    question: Question, contest: Contest, workers: int, told: Callable[[int], Any]
) -> tuple[list[Replayed], float]:
    """All repeats in the order of their seeds, and their CPU seconds; the result does not depend on the workers."""
    seeds = range(contest.seed, contest.seed + contest.repeats)
    if workers == 1 or contest.repeats < 2 * workers:
        parts = (timed(question, contest, seed) for seed in seeds)
        return gathered(parts, told)
    # Fresh interpreters: a fork of a process that other libraries have threads in may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=share, initargs=(question,)) as pool:
        chunk = max(1, contest.repeats // (8 * workers))
        return gathered(pool.map(timed_shared, [(contest, seed) for seed in seeds], chunksize=chunk), told)


def gathered(parts: Any, told: Callable[[int], Any]) -> tuple[list[Replayed], float]:
    found, seconds = [], 0.0
    for result, spent in parts:
        found.append(result)
        seconds += spent
        told(1)
    return found, seconds


def timed(question: Question, contest: Contest, seed: int) -> tuple[Replayed, float]:
    started = time.process_time()
    result = replay(question, contest.name, contest.options, seed, contest.lag)
    return result, time.process_time() - started


SHARED: list[Question] = []  # of a worker process: sent once, not with every repeat


def share(question: Question) -> None:
    SHARED[:] = [question]


def timed_shared(task: tuple[Contest, int]) -> tuple[Replayed, float]:
    return timed(SHARED[0], *task)


def summary(question: Question, results: Sequence[Replayed], cpu_seconds: float) -> dict[str, Any]:
    """The figures of one algorithm, as ``--json`` prints them."""
    finals = np.array([question.reported[result.incumbents[-1]] for result in results if result.incumbents])
    if not len(finals):
        return {"repeats": len(results), "reason": "no evaluation had a value; the budget may be too small"}
    deviation = float(finals.std(ddof=1)) if len(finals) > 1 else 0.0
    return {
        "repeats": len(results),
        "report_mean": float(finals.mean()),
        "report_std": deviation,
        "report_standard_error": deviation / len(finals) ** 0.5,
        "regret_mean": question.optimum - float(finals.mean()),
        "hypervolume_share_mean": float(np.mean([result.hypervolume_share for result in results])),
        "evaluations_mean": float(np.mean([len(result.rows) for result in results])),
        "duplicates_mean": float(np.mean([result.duplicates for result in results])),
        "refused_mean": float(np.mean([result.refused for result in results])),
        "cpu_seconds": cpu_seconds,
        "curve": curve(question, results),
    }


def curve(question: Question, results: Sequence[Replayed]) -> list[list[float]]:
    """Mean report value of the best so far at rising costs, from where every repeat has one."""
    known = [result for result in results if result.incumbents]
    start = max(result.costs[len(result.rows) - len(result.incumbents)] for result in known)
    end = max(result.costs[-1] for result in known)
    points = []
    for cost in np.linspace(start, end, CURVE_POINTS if end > start else 1):
        best = [question.reported[result.best_at(float(cost))] for result in known]
        points.append([float(cost), float(np.mean(best))])
    return [point for point in points if isfinite(point[1])]

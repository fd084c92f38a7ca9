"""Algorithms: what a proposal costs beside Optuna and pymoo, how much of the true front each finds, and the vote.

On the table of NAS-Bench-201; NASPORTAL_BENCH_SHARE=.1 makes a tenth of the repeats, NASPORTAL_BENCH_PARTS=front,vote
picks parts. What each repeat found is kept, and an interrupted run goes on. Needs `pip install -e .[bench]`.
"""

import hashlib
import importlib.metadata
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from bench.samplers import (
    MANY,
    MOST,
    WINDOW,
    optuna_in_memory,
    optuna_on_sqlite,
    optuna_share,
    pymoo_costs,
    pymoo_share,
    question,
)
from searches import algorithms, pareto
from searches.algorithms.algorithm import Evaluated
from searches.engine.sequence import Candidate, Sequence
from searches.tabular.replay import Question, replay
from searches.tabular.table import TableProblem
from tests.architectures.examination import TABLE

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "bench-results" / "algorithms-rows.jsonl"
LATENCIES = ("lat_raspi4", "lat_pixel3", "lat_titan_rtx_1")
REPEATS = 100
RESUMED = 10_000
OWN = ("random_search", "regularized_evolution", "nsga2", "reinforce", "predictor", "portfolio")
SHARED = ("random_search", "nsga2", "progressive", "portfolio")  # whose front is looked at
POPULATIONS = (10, 20, 50)  # of the others' NSGA-II; Optuna's default is 50


def run() -> dict[str, Any]:
    if not TABLE.exists():
        return {"skipped": f"{TABLE} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    repeats = max(2, round(REPEATS * float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))))
    parts: dict[str, tuple[str, Callable[[], Any]]] = {
        "costs": ("cpu_ms_of_an_evaluation", costs),
        "resumes": ("resume_of_10_000_cpu_seconds", resumes),
        "front": ("share_of_the_true_hypervolume", partial(fronts, repeats)),
        "vote": ("regret_of_the_vote", lambda: vote(question(LATENCIES[0]), repeats)),
        "learns": ("reinforce_learns", learns),
    }
    wanted = os.environ.get("NASPORTAL_BENCH_PARTS", ",".join(parts)).split(",")
    return {parts[name][0]: parts[name][1]() for name in wanted}


def learns() -> dict[str, Any]:
    """Mean reward of the last quarter against the first one, 500 evaluations, 20 seeds."""
    asked = question(evaluations=500)
    quarters = []
    for seed in range(20):
        rewards = -asked.losses[list(replay(asked, "reinforce", {}, seed, 0).rows), 0]
        quarters.append((float(np.nanmean(rewards[:125])), float(np.nanmean(rewards[-125:]))))
    return {
        "seeds_with_a_better_last_quarter": sum(last > first for first, last in quarters),
        "first_quarter": round(statistics.mean(first for first, _ in quarters), 2),
        "last_quarter": round(statistics.mean(last for _, last in quarters), 2),
    }


# What a proposal costs


def costs() -> dict[str, Any]:
    """Ask and tell at 1,000 and at 5,000 evaluations with two objectives; ours with the rows in the database."""
    asked = question(LATENCIES[0])
    rows = rows_in_database()
    found: dict[str, Any] = {"rows_in_sqlite": rows}
    for name in OWN:
        own = own_costs(asked, name)
        with_rows = {at: round(own[at] + rows[at], 2) for at in own}
        found[name] = {"ask_and_tell": {at: round(value, 2) for at, value in own.items()}, "with_rows": with_rows}
    found["optuna_nsga2_in_memory"] = optuna_in_memory(asked)
    found["optuna_nsga2_on_sqlite"] = optuna_on_sqlite(asked)
    found["pymoo_nsga2"] = pymoo_costs(asked)
    return found


def own_costs(asked: Question, name: str) -> dict[str, float]:
    course = Course(asked, name)
    return {str(at): 1e3 * course.seconds_at(at) for at in (MANY, MOST)}


class Course:
    """One search on the table that can be timed on its way."""

    def __init__(self, asked: Question, name: str) -> None:
        self.asked = asked
        problem = TableProblem(asked.table, asked.space, 1, asked.costs)
        self.numbers = Sequence(problem, algorithms.get(name)(), lag=8)

    def seconds_at(self, done: int) -> float:
        """CPU seconds of one evaluation there: the mean of those before."""
        self.go_to(done - WINDOW)
        started = time.process_time()
        self.go_to(done)
        return (time.process_time() - started) / WINDOW

    def go_to(self, done: int) -> None:
        while len(self.numbers.evaluated) < done:
            asked = self.numbers.ask()
            if isinstance(asked, Candidate):
                self.numbers.accept(self.result(asked))

    def result(self, asked: Candidate) -> Evaluated:
        row = self.asked.table.rows[asked.genotype]
        if not self.asked.usable[row]:
            return Evaluated(asked.number, asked.genotype, asked.fingerprint, (), math.inf)
        return Evaluated(asked.number, asked.genotype, asked.fingerprint, tuple(self.asked.losses[row].tolist()))


def rows_in_database() -> dict[str, float]:
    """Milliseconds of CPU to decode one network and to commit its evaluation with its events, in a fresh process with a
    database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NASPORTAL_DATA": folder, "NASPORTAL_SECRET_KEY": "for this measurement only"}
        environment.pop("DATABASE_URL", None)
        environment["DJANGO_SETTINGS_MODULE"] = "nasportal.settings"
        command = [sys.executable, "-c", "from bench.algorithms import print_rows; print_rows()"]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def print_rows() -> None:
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from searches import services
    from searches.spec import SearchSpec
    from searches.supervision import leases
    from searches.supervision.recorder import events_record
    from searches.supervision.row_cache import RowCache

    call_command("migrate", verbosity=0)
    project = services.project_create(owner=User.objects.create(username="bench"), name="bench")
    spec = SearchSpec.from_document({"evaluations": MOST, "objectives": ["accuracy", "params"]})
    run = services.run_create(project=project, spec=spec, name="bench", by=User.objects.get())
    held = leases.run_claim(owner="bench/1", seconds=3600, runs_at_once=1, run_id=run.pk)
    assert held is not None
    known = RowCache(run.pk)
    spent: list[float] = []
    for number in range(MOST):
        started = time.process_time()
        events_record(run_id=run.pk, token=held.token, events=list(events_of(number)), known=known)
        spent.append(time.process_time() - started)
    print(json.dumps({str(at): 1e3 * settled(spent[at - 5 * WINDOW : at]) for at in (MANY, MOST)}))


def settled(seconds: list[float]) -> float:
    """The median of windows' means: a neighbour's noisy second is not what an evaluation costs."""
    return statistics.median(statistics.fmean(seconds[at : at + WINDOW]) for at in range(0, len(seconds), WINDOW))


@cache
def twelve_layers() -> Any:
    from architectures import spaces

    return spaces.create("chain", (3, 32, 32), 10, min_layers=12, max_layers=12)


def events_of(number: int) -> Iterator[Any]:
    """What an engine says of one evaluation of a 12-layer chain; every tenth ends a generation."""
    from architectures.ir import compact
    from searches.engine import events

    space = twelve_layers()
    genotype = space.sample(Random(number))
    graph, mark = compact.dumps(space.decode(genotype)), f"{number:064x}"
    yield events.CandidateProposed(number, mark, genotype, [], "drawn at random", graph, 1, 1, 1, number // 10)
    yield events.EvaluationStarted(number, 2)
    values = {"accuracy": 0.5, "params": float(number)}
    curve = [[epoch, 1.0, 0.5] for epoch in range(1, 9)]
    timing = {"seconds": 1.0, "cost": 1}
    yield events.EvaluationFinished(
        number, 2, mark, genotype, [], "drawn at random", values, "done", "", timing, curve, {}
    )
    if number % 10 == 9:
        front = list(range(max(0, number - 29), number + 1))
        yield events.GenerationFinished(number // 10, number + 1, 0.5, front, values, values, {}, 2)


def resumes() -> dict[str, float]:
    """CPU seconds until the next proposal stands, behind a history of 10,000."""
    asked = question(LATENCIES[0])
    course = Course(asked, "random_search")
    course.go_to(RESUMED)
    found = {}
    for name in OWN:
        resumed = Course(asked, name)
        started = time.process_time()
        resumed.numbers.restore(course.numbers.evaluated)
        resumed.numbers.ask()
        found[name] = round(time.process_time() - started, 2)
    return found


# How much of the true front is found


def fronts(repeats: int) -> dict[str, Any]:
    return {latency: shares(question(latency), latency, repeats) for latency in LATENCIES}


def shares(asked: Question, latency: str, repeats: int) -> dict[str, Any]:
    """Mean and standard error over the repeats; every algorithm gets as many distinct networks."""
    ways: dict[str, Callable[[int], float]] = {name: partial(own_share, asked, name) for name in SHARED}
    for population in POPULATIONS:
        ways[f"optuna_nsga2_{population}"] = partial(optuna_share, asked, population)
        ways[f"pymoo_nsga2_{population}"] = partial(pymoo_share, asked, population)
    return {name: spread(kept(f"{latency}/{name}", way, repeats)) for name, way in ways.items()}


def own_share(asked: Question, name: str, seed: int) -> float:
    return replay(asked, name, {}, seed, 0).hypervolume_share


def kept(what: str, way: Callable[[int], Any], repeats: int) -> list[Any]:
    """Of each seed, from a run before where the algorithms are the same."""
    key = {"what": what, "version": version(what)}
    rows = [json.loads(line) for line in ROWS.read_text().splitlines()] if ROWS.exists() else []
    known = {row["seed"]: row["value"] for row in rows if key.items() <= row.items()}
    for seed in range(repeats):
        if seed not in known:
            known[seed] = way(seed)
            with ROWS.open("a") as file:
                file.write(json.dumps({**key, "seed": seed, "value": known[seed]}) + "\n")
    return [known[seed] for seed in range(repeats)]


@cache
def version(what: str) -> str:
    """Of others' algorithms their number, of ours a hash of their sources."""
    for package in ("optuna", "pymoo"):
        if f"/{package}" in what:
            return importlib.metadata.version(package)
    folders = [ROOT / "searches" / name for name in ("algorithms", "pareto", "replay")]
    texts = [path.read_bytes() for folder in folders for path in sorted(folder.glob("*.py"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]


def spread(values: Iterable[float]) -> dict[str, float]:
    found = list(values)
    return {
        "mean": round(statistics.mean(found), 4),
        "standard_error": round(statistics.stdev(found) / len(found) ** 0.5, 4),
    }


# The vote


def vote(asked: Question, repeats: int) -> dict[str, Any]:
    """How far each member's first choice, and the vote's, is from the best of the front that the ensemble found.

    What is chosen was found by 12-epoch accuracy; what it is worth is the mean of test accuracy and latency, each
    scaled to 0-1 over the front.
    """
    regrets: dict[str, list[float]] = {}
    of_seeds: list[Mapping[str, float]] = kept("vote", partial(regrets_of, asked), repeats)
    for voter, regret in (each for of_seed in of_seeds for each in of_seed.items()):
        regrets.setdefault(voter, []).append(regret)
    means = {voter: round(statistics.mean(values), 4) for voter, values in regrets.items()}
    members = [mean for voter, mean in means.items() if voter != "vote"]
    return {**means, "median_member": round(statistics.median(members), 4)}


def regrets_of(asked: Question, seed: int) -> dict[str, float]:
    course = Course(asked, "portfolio")
    course.numbers.problem = TableProblem(asked.table, asked.space, seed, asked.costs)
    course.go_to(asked.evaluations)
    done = [each for each in course.numbers.evaluated if each.losses]
    front = [done[index] for index in pareto.front([each.losses for each in done])]
    ballots = course.numbers.algorithm.ballots(front, course.numbers.all_seen())
    cast = {ballot.voter: [str(number) for number in ballot.ranking] for ballot in ballots if ballot.ranking}
    points = pareto.borda(list(cast.values()))
    marks = {str(each.number): each.fingerprint for each in front}
    first = {voter: ranking[0] for voter, ranking in cast.items()}
    first["vote"] = min(points, key=lambda number: (-points[number], marks[number]))
    worth = worths(asked, front)
    return {voter: max(worth.values()) - worth[number] for voter, number in first.items()}


def worths(asked: Question, front: list[Evaluated]) -> dict[str, float]:
    rows = [asked.table.rows[each.genotype] for each in front]
    columns = [asked.reported[rows], -asked.losses[rows, 1]]
    scaled = [(column - column.min()) / (np.ptp(column) or 1.0) for column in columns]
    means = np.mean(scaled, axis=0).tolist()
    return {str(each.number): mean for each, mean in zip(front, means, strict=True)}

"""Algorithms: what a proposal costs beside Optuna and pymoo, how much of the true front each finds, and the vote.

On the table of NAS-Bench-201; NASPORTAL_BENCH_SHARE=.1 makes a tenth of the repeats. Needs `pip install -e .[bench]`.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from random import Random
from typing import Any

import numpy as np

from searches import algorithms, pareto
from searches.algorithms.algorithm import Evaluated
from searches.engine.sequence import Candidate, Sequence
from searches.replay.expression import evaluated as expression
from searches.replay.run import Question, replay
from searches.replay.table import TableProblem, read
from tests.architectures.examination import TABLE

LATENCIES = ("lat_raspi4", "lat_pixel3", "lat_titan_rtx_1")
EVALUATIONS, REPEATS = 200, 100
MANY, MOST = 1_000, 5_000  # evaluations at which a proposal is timed
RESUMED = 10_000
WINDOW = 100  # proposals that a timing is the mean of
OWN = ("random_search", "regularized_evolution", "nsga2", "reinforce", "predictor", "portfolio")
SHARED = ("random_search", "nsga2", "progressive", "predictor", "portfolio")  # whose front is looked at
POPULATIONS = (10, 20, 50)  # of the others' NSGA-II; Optuna's default is 50


def run() -> dict[str, Any]:
    if not TABLE.exists():
        return {"skipped": f"{TABLE} is not there; NASPORTAL_TRUTH_DATA names its folder"}
    repeats = max(2, round(REPEATS * float(os.environ.get("NASPORTAL_BENCH_SHARE", "1"))))
    return {
        "cpu_ms_of_an_evaluation": costs(),
        "resume_of_10_000_cpu_seconds": resumes(),
        "share_of_the_true_hypervolume": {latency: shares(question(latency), repeats) for latency in LATENCIES},
        "regret_of_the_vote": vote(question(LATENCIES[0]), repeats),
        "reinforce_learns": learns(),
    }


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


def question(*minimise: str, evaluations: int = EVALUATIONS) -> Question:
    table = read(TABLE, "code")
    one_each = expression("1", table)
    return Question(table, "c10_valid_12", "c10_test_200", minimise, one_each, math.inf, evaluations, {})


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
    """Milliseconds of CPU to commit one evaluation with its events, in a fresh process with a database of its own."""
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

    from searches import leases, services
    from searches.recording import events_record
    from searches.spec import SearchSpec

    call_command("migrate", verbosity=0)
    project = services.project_create(owner=User.objects.create(username="bench"), name="bench")
    spec = SearchSpec.from_document({"evaluations": MOST, "objectives": ["accuracy", "params"]})
    run = services.run_create(project=project, spec=spec, name="bench", by=User.objects.get())
    held = leases.run_claim(owner="bench/1", seconds=3600, runs_at_once=1, run_id=run.pk)
    assert held is not None
    timings: dict[str, float] = {}
    spent = 0.0
    for number in range(MOST):
        started = time.process_time()
        events_record(run_id=run.pk, token=held.token, events=list(events_of(number)))
        spent += time.process_time() - started
        if number + 1 in (MANY, MOST):
            timings[str(number + 1)] = 1e3 * spent / WINDOW
        if (number + 1) % WINDOW == 0:
            spent = 0.0
    print(json.dumps(timings))


def events_of(number: int) -> Iterator[Any]:
    """What an engine says of one evaluation of a 12-layer chain; every tenth ends a generation."""
    from architectures import spaces
    from architectures.ir import compact
    from searches.engine import events

    space = spaces.create("chain", (3, 32, 32), 10, min_layers=12, max_layers=12)
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


def shares(asked: Question, repeats: int) -> dict[str, Any]:
    """Mean and standard error over the repeats; every algorithm gets as many distinct networks."""
    found = {name: own_share(asked, name, repeats) for name in SHARED}
    for population in POPULATIONS:
        found[f"optuna_nsga2_{population}"] = spread(optuna_share(asked, population, seed) for seed in range(repeats))
        found[f"pymoo_nsga2_{population}"] = spread(pymoo_share(asked, population, seed) for seed in range(repeats))
    return found


def own_share(asked: Question, name: str, repeats: int) -> dict[str, float]:
    return spread(replay(asked, name, {}, seed, 0).hypervolume_share for seed in range(repeats))


def spread(values: Iterable[float]) -> dict[str, float]:
    found = list(values)
    return {
        "mean": round(statistics.mean(found), 4),
        "standard_error": round(statistics.stdev(found) / len(found) ** 0.5, 4),
    }


class Told:
    """The table as others' algorithms see it: a genotype's losses, and which distinct networks were asked for."""

    def __init__(self, asked: Question) -> None:
        self.asked = asked
        self.rows: dict[int, None] = {}

    def losses(self, genotype: Iterable[int]) -> list[float]:
        """A network without a value is as bad as the reference point."""
        row = self.asked.table.rows[tuple(int(value) for value in genotype)]
        self.rows.setdefault(row)
        return self.asked.losses[row].tolist() if self.asked.usable[row] else list(self.asked.reference)

    @property
    def share(self) -> float:
        rows = [row for row in list(self.rows)[: self.asked.evaluations] if self.asked.usable[row]]
        return pareto.hypervolume(self.asked.losses[rows], self.asked.reference) / self.asked.true_hypervolume


def optuna_share(asked: Question, population: int, seed: int) -> float:
    told = Told(asked)
    study = optuna_study(population, seed)
    while len(told.rows) < asked.evaluations:
        optuna_evaluation(study, told)
    return told.share


def optuna_study(population: int, seed: int, storage: str | None = None) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
    return optuna.create_study(sampler=sampler, directions=["minimize", "minimize"], storage=storage)


def optuna_evaluation(study: Any, told: Told) -> None:
    trial = study.ask()
    letters = told.asked.space.letters
    genotype = [
        trial.suggest_categorical(f"position{place}", tuple(range(len(values)))) for place, values in enumerate(letters)
    ]
    study.tell(trial, told.losses(genotype))


def pymoo_share(asked: Question, population: int, seed: int) -> float:
    """Its generations go on until enough distinct networks were asked for."""
    told = Told(asked)
    algorithm = pymoo_nsga2(asked, population, seed)
    for _ in count():
        pymoo_generation(algorithm, told)
        if len(told.rows) >= asked.evaluations:
            return told.share
    raise AssertionError


def pymoo_nsga2(asked: Question, population: int, seed: int) -> Any:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling

    last = np.array([len(letters) - 1 for letters in asked.space.letters])
    problem = Problem(n_var=len(last), n_obj=1 + len(asked.minimise), xl=np.zeros_like(last), xu=last, vtype=int)
    algorithm = NSGA2(
        pop_size=population,
        sampling=IntegerRandomSampling(),
        crossover=SBX(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        mutation=PM(prob=1.0, eta=3.0, vtype=float, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    algorithm.setup(problem, termination=("n_gen", 10**6), seed=seed, verbose=False)
    return algorithm


def pymoo_generation(algorithm: Any, told: Told) -> int:
    children = algorithm.ask()
    children.set("F", np.array([told.losses(genotype) for genotype in children.get("X")]))
    algorithm.tell(infills=children)
    return len(children)


def optuna_in_memory(asked: Question) -> dict[str, float]:
    study, told = optuna_study(50, 1), Told(asked)
    found = {}
    for at in (MANY, MOST):
        while len(study.get_trials(deepcopy=False)) < at - WINDOW:
            optuna_evaluation(study, told)
        found[str(at)] = cpu_ms(lambda: optuna_evaluation(study, told), WINDOW)
    return found


def optuna_on_sqlite(asked: Question) -> dict[str, float]:
    """The trials before are copied in; then twenty are timed."""
    memory, told = optuna_study(50, 1), Told(asked)
    for _ in range(MANY - 20):
        optuna_evaluation(memory, told)
    with tempfile.TemporaryDirectory() as folder:
        study = optuna_study(50, 1, f"sqlite:///{folder}/trials.db")
        study.add_trials(memory.get_trials(deepcopy=False))
        return {str(MANY): cpu_ms(lambda: optuna_evaluation(study, told), 20)}


def pymoo_costs(asked: Question) -> dict[str, float]:
    """It keeps no history: its cost follows the population alone."""
    algorithm, told = pymoo_nsga2(asked, 50, 1), Told(asked)
    started, evaluations = time.process_time(), 0
    while evaluations < MANY:
        evaluations += pymoo_generation(algorithm, told)
    return {str(MANY): round(1e3 * (time.process_time() - started) / evaluations, 2)}


def cpu_ms(work: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        work()
    return round(1e3 * (time.process_time() - started) / times, 2)


# The vote


def vote(asked: Question, repeats: int) -> dict[str, Any]:
    """How far each member's first choice, and the vote's, is from the best of the front that the ensemble found.

    What is chosen was found by 12-epoch accuracy; what it is worth is the mean of test accuracy and latency, each
    scaled to 0-1 over the front.
    """
    regrets: dict[str, list[float]] = {}
    for seed in range(repeats):
        for voter, regret in regrets_of(asked, seed).items():
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

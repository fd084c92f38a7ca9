"""The table of NAS-Bench-201 as a question, and others' NSGA-II on it: Optuna's and pymoo's."""

import math
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import numpy as np

from searches import pareto
from searches.tabular.expression import evaluated as expression
from searches.tabular.replay import Question
from searches.tabular.table import read
from tests.architectures.examination import TABLE

EVALUATIONS = 200
MANY, MOST = 1_000, 5_000  # evaluations at which a proposal is timed
WINDOW = 100  # proposals that a timing is the mean of


def question(*minimise: str, evaluations: int = EVALUATIONS) -> Question:
    table = read(TABLE, "code")
    one_each = expression("1", table)
    return Question(table, "c10_valid_12", "c10_test_200", minimise, one_each, math.inf, evaluations, {})


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

"""One replay: an algorithm on a table, by the engine's own sequence of numbers, in memory."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searches import algorithms, pareto
from searches.algorithms.algorithm import Evaluated
from searches.engine.sequence import Candidate, Sequence
from searches.tabular.table import Table, TableError, TableProblem, TableSpace, finite


@dataclass(frozen=True)
class Question:
    """What is asked of a table: what algorithms see, what is reported, what it costs."""

    table: Table
    search_on: str
    report: str
    minimise: tuple[str, ...]
    costs: NDArray[np.float64]  # of each row
    budget: float  # in the unit of the costs
    evaluations: int
    references: Mapping[str, float]

    @cached_property
    def space(self) -> TableSpace:
        return TableSpace(self.table.letters)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(rows, objectives), all minimised; NaN where the table has no value."""
        return np.stack(
            [-self.table.numbers(self.search_on), *(self.table.numbers(column) for column in self.minimise)], axis=1
        )

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Returns which rows have a value in every column that is searched on, (rows,)."""
        return finite(list(self.losses.T))

    @cached_property
    def reported(self) -> NDArray[np.float64]:
        """Returns the reported column, (rows,), in its own unit."""
        return self.table.numbers(self.report)

    @cached_property
    def reference(self) -> list[float]:
        """Returns the reference point as losses; the worst value of each column where none is given.

        Raises TableError where a reference names no objective.
        """
        columns = (self.search_on, *self.minimise)
        unknown = [name for name in self.references if name not in columns]
        if unknown:
            raise TableError(f"--reference names {unknown[0]!r}, which is no objective; those are {', '.join(columns)}")
        worst = self.losses[self.usable].max(axis=0)
        signs = (-1.0, *(1.0 for _ in self.minimise))
        return [
            sign * self.references[name] if name in self.references else float(bound)
            for name, sign, bound in zip(columns, signs, worst, strict=True)
        ]

    @cached_property
    def true_hypervolume(self) -> float:
        return pareto.hypervolume(self.losses[self.usable], self.reference)

    @cached_property
    def optimum(self) -> float:
        return float(np.nanmax(self.reported))


@dataclass(frozen=True)
class Replayed:
    """What one repeat found."""

    rows: tuple[int, ...]  # in the order of their evaluation
    costs: tuple[float, ...]  # spent after each of them
    incumbents: tuple[int, ...]  # the best row by what the algorithm saw, after each of them
    hypervolume_share: float
    duplicates: int
    refused: int

    def best_at(self, cost: float) -> int:
        """The incumbent when this much was spent."""
        offset = len(self.rows) - len(self.incumbents)
        return self.incumbents[max(0, bisect_right(self.costs, cost) - 1 - offset)]


def replay(question: Question, name: str, options: Mapping[str, Any], seed: int, lag: int) -> Replayed:
    """Replays until the budget does not pay for the next evaluation, or nothing new is proposed."""
    problem = TableProblem(question.table, question.space, seed, question.costs)
    numbers = Sequence(problem, algorithms.get(name)(**options), lag)
    losses, costs = question.losses, question.costs
    usable = question.usable
    rows: list[int] = []
    spent: list[float] = []
    incumbents: list[int] = []
    total, duplicates, refused, best = 0.0, 0, 0, inf
    while numbers.may_ask and len(rows) < question.evaluations:
        asked = numbers.ask()
        refused += len(asked.refused)
        if not isinstance(asked, Candidate):
            duplicates += 1
            continue
        row = question.table.rows[asked.genotype]
        total += float(costs[row])
        if total > question.budget:
            break
        seen = tuple(losses[row].tolist()) if usable[row] else ()
        numbers.accept(Evaluated(asked.number, asked.genotype, asked.fingerprint, seen, 0.0 if seen else inf))
        rows.append(row)
        spent.append(total)
        if seen and seen[0] < best:
            best = seen[0]
            incumbent = row
        if best < inf:
            incumbents.append(incumbent)
    return Replayed(tuple(rows), tuple(spent), tuple(incumbents), share(question, rows), duplicates, refused)


def share(question: Question, rows: list[int]) -> float:
    """Returns the share of the true front's hypervolume."""
    found = [row for row in rows if question.usable[row]]
    if not found or not question.true_hypervolume:
        return 0.0
    return pareto.hypervolume(question.losses[found], question.reference) / question.true_hypervolume

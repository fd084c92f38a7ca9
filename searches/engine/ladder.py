"""Asynchronous promotion with several objectives (MO-ASHA, Schmucker et al. 2021, arXiv 2106.12639).

A network climbs to the next rung when it is among the best 1/eta of its rung, by non-dominated rank, then by the
hypervolume that it alone holds, and when no more than 1/eta of the rung has climbed. Without the second rule, which is
that of delayed ASHA (Li et al. 2022, arXiv 2201.06834), half of a rung climbed, as its best change with each result.
What was measured before a position in the sequence decides what happens at that position.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from searches import pareto
from searches.algorithms.algorithm import Evaluated
from searches.evaluation.fidelity import PROXY_FIDELITY

BEYOND = 1.1  # the reference point, where the ideal is 0 and the worst of a rung is 1
ENOUGH = 4  # results that make a front
SLOW = 200  # points of one front: above that their contributions take long, and crowding has to do


@dataclass(frozen=True)
class Climb:
    """A promotion: the member, the fidelity, and why."""

    member: Evaluated
    fidelity: int
    reason: str


@dataclass
class Rung:
    """The results of one fidelity, in the order in which they were accepted."""

    fidelity: int
    results: list[Evaluated] = field(default_factory=list)
    promoted: set[int] = field(default_factory=set)  # numbers

    _ordered: tuple[int, list[tuple[Evaluated, int]]] = field(default=(-1, []), init=False)

    def below(self, position: int) -> list[Evaluated]:
        return self.results[: bisect_left(self.results, position, key=lambda each: each.at)]

    def best(self, position: int, eta: int) -> tuple[list[tuple[Evaluated, int]], int]:
        """The best 1/eta of what stands before a position, with their ranks; and of how many."""
        count = bisect_left(self.results, position, key=lambda each: each.at)
        if count < eta:
            return [], count
        if self._ordered[0] != count:
            self._ordered = count, ordered(self.results[:count], is_promoting=True)
        return self._ordered[1][: count // eta], count


class Rungs:
    """The ladder of one search."""

    def __init__(self, fidelities: Sequence[int], eta: int, final: int | None = None, tried: int = 0) -> None:
        self.eta = eta
        self.tried = tried  # networks that all climb from the first rung, which is on trial
        self.rungs = [Rung(fidelity) for fidelity in fidelities]
        self.final = Rung(final) if final is not None else None  # of the front's full training: nobody climbs to it
        self.by_fidelity = {rung.fidelity: rung for rung in (*self.rungs, self.final) if rung}

    def enter(self, result: Evaluated) -> None:
        self.by_fidelity[result.fidelity].results.append(result)
        self.issued(result.number, result.fidelity)

    def issued(self, number: int, fidelity: int) -> None:
        """A network is on its way to this rung: it is not promoted to it again."""
        for lower, upper in zip(self.rungs, self.rungs[1:], strict=False):
            if upper.fidelity == fidelity:
                lower.promoted.add(number)

    def climb(self, position: int) -> Climb | None:
        """The promotion due at a position, from the highest rung that has one."""
        if (member := self.on_trial(position)) is not None:
            reason = f"one of the first {self.tried}, which try the supernet: this rung shows whether it is right"
            return Climb(member, self.rungs[1].fidelity, reason)
        for lower, upper in reversed(list(zip(self.rungs, self.rungs[1:], strict=False))):
            best, count = lower.best(position, self.eta)
            if len(lower.promoted) >= len(best) + (self.freed if lower is self.rungs[0] else 0):
                continue
            for member, rank in best:
                if member.number not in lower.promoted:
                    proxy = "by the supernet" if self.tried else "by the proxy"
                    epochs = f"at {lower.fidelity} epochs" if lower.fidelity else proxy
                    reason = f"one of the best {len(best)} of {count} {epochs}, on front {rank + 1}"
                    return Climb(member, upper.fidelity, reason)
        return None

    @property
    def freed(self) -> int:
        """Those on trial that would not have climbed otherwise, at the rate of a rung."""
        return self.tried - self.tried // self.eta

    def on_trial(self, position: int) -> Evaluated | None:
        first = self.rungs[0]
        tried = (each for each in first.results[: self.tried] if each.at < position)
        return next((each for each in tried if each.number not in first.promoted), None)

    def shown(self, position: int) -> Rung:
        """The rung whose front is shown: the highest that enough of the networks have reached before a position."""
        if self.final and self.final.below(position):
            return self.final
        trained = [rung for rung in self.rungs if rung.fidelity != PROXY_FIDELITY]
        return next((rung for rung in reversed(trained) if len(rung.below(position)) >= ENOUGH), trained[0])


def ordered(results: Sequence[Evaluated], *, is_promoting: bool = False) -> list[tuple[Evaluated, int]]:
    """Feasible results with their ranks: front by front, on each first who holds most hypervolume alone.

    ``is_promoting`` looks at what the ladder promotes by, where that differs from the losses.
    """
    feasible = [each for each in results if each.is_feasible]
    if not feasible:
        return []
    losses = np.array([(each.ranks if is_promoting else ()) or each.losses for each in feasible])
    span = losses.max(axis=0) - losses.min(axis=0)
    scaled = (losses - losses.min(axis=0)) / np.where(span > 0, span, 1.0)
    found: list[tuple[Evaluated, int]] = []
    for rank, indices in enumerate(pareto.fronts(losses)):
        points = scaled[indices]
        alone = (
            pareto.crowding(points) if len(points) > SLOW else pareto.contributions(points, [BEYOND] * losses.shape[1])
        )
        order = sorted(zip(indices, alone, strict=True), key=lambda each: (-float(each[1]), feasible[each[0]].number))
        found += [(feasible[index], rank) for index, _ in order]
    return found

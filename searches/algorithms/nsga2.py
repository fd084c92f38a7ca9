"""NSGA-II (Deb et al. 2002, doi.org/10.1109/4235.996017), with constraints by dominance (section VI)."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from random import Random
from typing import ClassVar

from architectures.options import option
from searches import algorithms, pareto
from searches.algorithms.algorithm import Ballot, Evaluated, History, Proposal
from searches.algorithms.draws import Draft, mutated, sampled, settle


@dataclass(frozen=True)
class Ranked:
    """A member of the population with what the tournament compares: smaller is better."""

    member: Evaluated
    key: tuple[float, int, float]  # violation, rank, minus crowding distance


@algorithms.register("nsga2")
@dataclass
class Nsga2:
    title: ClassVar[str] = "NSGA-II: evolution with several objectives"

    population: int = option(12, "networks that survive each generation", min=2, max=1000)
    # Few children have two parents: between the ends of a front there are mostly networks that nobody wants. Tuned on
    # NAS-Bench-201's 12-epoch validation accuracy on CIFAR-100 with parameters, FLOPs and training time.
    crossover: float = option(
        0.3, "share of the children that have two parents", label="crossover rate", min=0.0, max=1.0, advanced=True
    )
    mutation: float = option(
        0.2,
        "share of the children of two parents that are mutated too",
        label="mutation rate",
        min=0.0,
        max=1.0,
        advanced=True,
    )

    @cached_property
    def _survivors(self) -> "Survivors":
        return Survivors(self.population, self.population)

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def ask(self, number: int, history: History) -> Proposal:
        parents = self.parents(history) if number >= self.population else []
        if len(parents) < 2:
            return settle(lambda random, failed: sampled(random, history), number, history)
        return settle(lambda random, failed: self.child(parents, random, failed, history), number, history)

    def child(self, parents: Sequence[Ranked], random: Random, failed: int, history: History) -> Draft:
        mother, father = tournament(parents, random), tournament(parents, random)
        if mother is father or random.random() >= self.crossover:
            return mutated(Draft(mother.genotype, (mother.number,), ""), random, history, failed)
        crossed = history.problem.space.crossover(mother.genotype, father.genotype, random)
        draft = Draft(crossed.genotype, (mother.number, father.number), crossed.change)
        is_copy = crossed.genotype in (mother.genotype, father.genotype)
        if is_copy or failed or random.random() < self.mutation:
            return mutated(draft, random, history, failed)
        return draft

    def parents(self, history: History) -> list[Ranked]:
        """The survivors of all that is visible, generation by generation."""
        return self._survivors.of(history.evaluated)

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        ordered = sorted(ranked(list(front)), key=lambda each: (each.key, each.member.fingerprint))
        ranking = tuple(each.member.number for each in ordered)
        return [Ballot("nsga2", ranking, "rank in its archive, then the least crowded first")]


@dataclass
class Survivors:
    """The best of a history: of each whole block of numbers in turn, which is kept, then of the one in progress."""

    size: int
    block: int  # numbers between two selections that are kept

    _blocks: int = field(default=0, init=False)
    _kept: list[Ranked] = field(default_factory=list, init=False)

    def of(self, evaluated: Sequence[Evaluated]) -> list[Ranked]:
        """Best first."""
        whole = evaluated[-1].number // self.block if evaluated else 0
        if whole < self._blocks:
            self._blocks, self._kept = 0, []
        start = position(evaluated, self._blocks * self.block)
        while self._blocks < whole:
            self._blocks += 1
            end = position(evaluated, self._blocks * self.block)
            self._kept, start = self.select(self._kept, evaluated[start:end]), end
        return self.select(self._kept, evaluated[start:])

    def select(self, members: Sequence[Ranked], further: Sequence[Evaluated]) -> list[Ranked]:
        """Environmental selection: the best of parents and children, front by front, the least crowded of the last."""
        every = [each.member for each in members] + [each for each in further if each.losses]
        ordered = sorted(ranked(every), key=lambda each: (each.key, each.member.number))
        return ordered[: self.size]


def ranked(members: list[Evaluated]) -> list[Ranked]:
    """Feasible ones by rank and crowding; the others behind them, by how far they are beyond the limits."""
    feasible = [each for each in members if each.is_feasible]
    found = [Ranked(each, (each.violation, 0, 0.0)) for each in members if not each.is_feasible]
    losses = [each.losses for each in feasible]
    for rank, indices in enumerate(pareto.fronts(losses)):
        distances = pareto.crowding([losses[index] for index in indices]).tolist() if len(indices) > 1 else [inf]
        found += [
            Ranked(feasible[index], (0.0, rank, -distance)) for index, distance in zip(indices, distances, strict=True)
        ]
    return found


def tournament(parents: Sequence[Ranked], random: Random) -> Evaluated:
    """Binary tournament by the crowded comparison."""
    first, second = random.choice(parents), random.choice(parents)
    return second.member if second.key < first.key else first.member


def position(evaluated: Sequence[Evaluated], number: int) -> int:
    """Returns how many results stand below a number."""
    return bisect_left(evaluated, number, key=lambda each: each.number)

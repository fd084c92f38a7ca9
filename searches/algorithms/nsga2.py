"""NSGA-II (Deb et al. 2002, doi.org/10.1109/4235.996017), with constraints by dominance (section VI)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import ClassVar

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

    population: int = field(default=12, metadata={"min": 2, "max": 1000, "help": "members that survive a generation"})
    crossover: float = field(
        default=0.9, metadata={"min": 0.0, "max": 1.0, "help": "share of the children that have two parents"}
    )
    mutation: float = field(
        default=0.8, metadata={"min": 0.0, "max": 1.0, "help": "share of the crossed children that are mutated too"}
    )

    _generation: int = field(default=0, init=False, repr=False, compare=False)
    _survivors: list[Ranked] = field(default_factory=list, init=False, repr=False, compare=False)

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
        """The survivors of all that is visible: of each whole generation in turn, then of the one in progress."""
        evaluated = history.evaluated
        whole = evaluated[-1].number // self.population if evaluated else 0
        if whole < self._generation:
            self._generation, self._survivors = 0, []
        start = position(evaluated, self._generation * self.population)
        for generation in range(self._generation, whole):
            end = position(evaluated, (generation + 1) * self.population)
            self._survivors = self.survive(self._survivors, evaluated[start:end])
            self._generation, start = generation + 1, end
        return self.survive(self._survivors, evaluated[start:])

    def survive(self, population: Sequence[Ranked], children: Sequence[Evaluated]) -> list[Ranked]:
        """Environmental selection: the best of parents and children, front by front, the least crowded of the last."""
        every = [each.member for each in population] + [each for each in children if each.losses]
        ordered = sorted(ranked(every), key=lambda each: (each.key, each.member.number))
        return ordered[: self.population]

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        ordered = sorted(ranked(list(front)), key=lambda each: (each.key, each.member.fingerprint))
        ranking = tuple(each.member.number for each in ordered)
        return [Ballot("nsga2", ranking, "rank in its archive, then the least crowded first")]


def ranked(members: list[Evaluated]) -> list[Ranked]:
    """Feasible ones by rank and crowding; the others behind them, by how far they are beyond the limits."""
    feasible = [each for each in members if each.is_feasible]
    found = [Ranked(each, (each.violation, 0, 0.0)) for each in members if not each.is_feasible]
    losses = [each.losses for each in feasible]
    for rank, indices in enumerate(pareto.fronts(losses)):
        distances = pareto.crowding([losses[index] for index in indices])
        found += [
            Ranked(feasible[index], (0.0, rank, -float(distance)))
            for index, distance in zip(indices, distances, strict=True)
        ]
    return found


def tournament(parents: Sequence[Ranked], random: Random) -> Evaluated:
    """Binary tournament by the crowded comparison."""
    first, second = random.choice(parents), random.choice(parents)
    return second.member if second.key < first.key else first.member


def position(evaluated: Sequence[Evaluated], number: int) -> int:
    """How many results stand below a number; searched from the end, where the generations in question are."""
    index = len(evaluated)
    while index and evaluated[index - 1].number >= number:
        index -= 1
    return index

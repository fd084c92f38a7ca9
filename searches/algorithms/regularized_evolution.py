"""Regularised evolution (Real et al. 2019, arxiv.org/abs/1802.01548): the oldest dies, whatever it was worth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from architectures.options import option
from searches import algorithms
from searches.algorithms.algorithm import Ballot, Evaluated, History, Proposal
from searches.algorithms.draws import Draft, mutated, sampled, settle
from searches.algorithms.nsga2 import ranked


@algorithms.register("regularized_evolution")
@dataclass
class RegularizedEvolution:
    """Replaces the oldest network; with several objectives rank, then crowding distance, decides the tournament."""

    title: ClassVar[str] = "Regularised evolution: the oldest dies"

    population: int = option(10, "networks that are alive at once", min=2, max=1000)
    sample: int = option(3, "networks per tournament", label="sample size", min=1, max=1000, advanced=True)

    def faults(self) -> Iterator[tuple[str, str]]:
        if self.sample > self.population:
            yield "sample", f"must be at most population ({self.population}), but is {self.sample}"

    def ask(self, number: int, history: History) -> Proposal:
        alive = [each for each in history.evaluated[-self.population :] if each.losses]
        if number < self.population or not alive:
            return settle(lambda random, failed: sampled(random, history), number, history)
        return settle(lambda random, failed: self.child(alive, random, failed, history), number, history)

    def child(self, alive: Sequence[Evaluated], random: Random, failed: int, history: History) -> Draft:
        contestants = random.sample(alive, min(self.sample, len(alive)))
        parent = min(ranked(contestants), key=lambda each: (each.key, each.member.number)).member
        return mutated(Draft(parent.genotype, (parent.number,), ""), random, history, failed)

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        return [Ballot("regularized_evolution", (), "abstains: it keeps the young, not the good")]

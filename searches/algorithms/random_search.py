"""Random search: the control that every other algorithm has to beat (Li & Talwalkar 2019, arxiv.org/abs/1902.07638)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from architectures.options import option
from searches import algorithms
from searches.algorithms.algorithm import Ballot, Evaluated, History, Proposal
from searches.algorithms.draws import sampled, settle


@algorithms.register("random_search")
@dataclass
class RandomSearch:
    title: ClassVar[str] = "Random search: independent uniform draws"

    population: int = option(10, "random networks per generation", min=1, max=10_000, advanced=True)

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def ask(self, number: int, history: History) -> Proposal:
        return settle(lambda random, failed: sampled(random, history), number, history)

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        return [Ballot("random_search", (), "abstains: it has learned nothing that could rank a front")]

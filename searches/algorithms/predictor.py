"""Predictor-guided search after BANANAS (White et al. 2021, arxiv.org/abs/1910.11858): an ensemble predicts, its
uncertainty explores (independent Thompson sampling), and candidates are mutations of the best.

With several objectives each number draws its own weights (ParEGO, Knowles 2006), so that the whole front is served.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from searches import algorithms
from searches.algorithms.algorithm import Ballot, Evaluated, Genotype, History, Proposal
from searches.algorithms.draws import Draft, mutated, sampled, settle
from searches.algorithms.nsga2 import ranked
from searches.algorithms.surrogate import Surrogate, matrix

MOST_POINTS = 200  # that a predictor learns from: its cost rises with their cube
AUGMENTED = 0.05  # ParEGO's share of the sum beside the largest term


@dataclass(frozen=True)
class Knowledge:
    """What was learned from the visible results: one surrogate an objective, and the best members as parents."""

    surrogates: tuple[Surrogate, ...]
    best: tuple[Evaluated, ...]


@algorithms.register("predictor")
@dataclass
class Predictor:
    title: ClassVar[str] = "Predictor-guided: an ensemble learns which networks are worth training"

    population: int = field(
        default=10, metadata={"min": 2, "max": 1000, "help": "random draws before the first prediction"}
    )
    pool: int = field(
        default=100, metadata={"min": 2, "max": 5000, "help": "candidates that are predicted for each proposal"}
    )
    parents: int = field(
        default=10, metadata={"min": 1, "max": 1000, "help": "best results whose mutations are candidates"}
    )
    explore: float = field(
        default=0.2, metadata={"min": 0.0, "max": 1.0, "help": "share of the candidates that is drawn at random"}
    )

    _count: int = field(default=-1, init=False, repr=False, compare=False)
    _knowledge: Knowledge | None = field(default=None, init=False, repr=False, compare=False)

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def ask(self, number: int, history: History) -> Proposal:
        knowledge = self.knowledge(history) if number >= self.population else None
        if knowledge is None:
            return settle(lambda random, failed: sampled(random, history), number, history)
        pool = Pool(self, knowledge, number, history)
        return settle(pool.draw, number, history)

    def knowledge(self, history: History) -> Knowledge | None:
        """Learned anew whenever more results are visible; kept in between."""
        if self._count != len(history.evaluated):
            self._count, self._knowledge = len(history.evaluated), self.learn(history)
        return self._knowledge

    def learn(self, history: History) -> Knowledge | None:
        done = [each for each in history.evaluated if each.losses]
        if len(done) < 4:
            return None
        ordered = [each.member for each in sorted(ranked(done), key=lambda each: (each.key, each.member.number))]
        points = ordered
        if len(done) > MOST_POINTS:  # half of them the best, half of them spread over the others
            half = MOST_POINTS // 2
            points = ordered[:half] + ordered[half :: max(1, (len(ordered) - half) // half)][:half]
        genotypes = matrix([each.genotype for each in points])
        losses = np.array([each.losses for each in points])
        surrogates = tuple(Surrogate(genotypes, losses[:, column]) for column in range(losses.shape[1]))
        return Knowledge(surrogates, tuple(ordered[: self.parents]))

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        knowledge = self.knowledge(history)
        if knowledge is None or not front:
            return [Ballot("predictor", (), "abstains: too few results to learn from")]
        genotypes = matrix([each.genotype for each in front])
        means = np.sum([surrogate.predict(genotypes)[0] for surrogate in knowledge.surrogates], axis=0)
        ordered = sorted(zip(means, front, strict=True), key=lambda each: (float(each[0]), each[1].fingerprint))
        ranking = tuple(each.number for _, each in ordered)
        return [Ballot("predictor", ranking, "predicted mean over the objectives, each as a normal score")]


class Pool:
    """The candidates of one number, best first; made when the first of them is drawn."""

    def __init__(self, predictor: Predictor, knowledge: Knowledge, number: int, history: History) -> None:
        self.predictor, self.knowledge, self.number, self.history = predictor, knowledge, number, history
        self.ordered: list[Draft] = []

    def draw(self, random: Random, failed: int) -> Draft:
        if not self.ordered:
            self.ordered = self.order(self.candidates(random), random)
        if failed < len(self.ordered):
            return self.ordered[failed]
        return sampled(random, self.history)

    def candidates(self, random: Random) -> list[Draft]:
        """Mutations of the best, and random ones; those that have a number already are left out."""
        drafts: dict[Genotype, Draft] = {}
        for index in range(self.predictor.pool):
            if random.random() < self.predictor.explore:
                draft = sampled(random, self.history)
            else:
                parent = random.choice(self.knowledge.best)
                start = Draft(parent.genotype, (parent.number,), "")
                draft = mutated(start, random, self.history, failed=index % 10)  # every second one with two changes
            drafts.setdefault(draft.genotype, draft)
        return [draft for draft in drafts.values() if draft.genotype not in self.history.known]

    def order(self, drafts: list[Draft], random: Random) -> list[Draft]:
        if not drafts:
            return []
        scores = self.acquisition(matrix([draft.genotype for draft in drafts]), random)
        return [drafts[index] for index in np.argsort(scores, kind="stable")]

    def acquisition(self, genotypes: NDArray[np.int64], random: Random) -> NDArray[np.float64]:
        """One draw from each candidate's prediction (Thompson), the objectives put together by random weights."""
        generator = np.random.default_rng(random.getrandbits(64))
        terms = []
        for surrogate in self.knowledge.surrogates:
            mean, deviation = surrogate.predict(genotypes)
            terms.append(mean + deviation * generator.standard_normal(len(mean)))
        if len(terms) == 1:
            return terms[0]
        weights = generator.dirichlet(np.ones(len(terms)))
        weighted = np.stack(terms) * weights[:, None]
        return np.asarray(weighted.max(axis=0) + AUGMENTED * weighted.sum(axis=0))

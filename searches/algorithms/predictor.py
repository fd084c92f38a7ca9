"""Predictor-guided search after BANANAS (White et al. 2021, arxiv.org/abs/1910.11858): an ensemble predicts, its
uncertainty explores (independent Thompson sampling), and candidates are mutations of the best.

With several objectives the candidate is taken whose draw would add most hypervolume; that is averaged over random
directions (Zhang & Golovin 2020, arxiv.org/abs/2006.04655), which works for any number of objectives.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import ClassVar

import numpy as np

from architectures.options import option
from searches import algorithms
from searches.algorithms.algorithm import JSON, Ballot, Evaluated, Genotype, History, Proposal
from searches.algorithms.draws import Draft, mutated, sampled, settle
from searches.algorithms.nsga2 import Survivors
from searches.algorithms.surrogate import Genotypes, Numbers, Surrogate, matrix

MOST_POINTS = 200  # that a predictor learns from: its cost rises with their cube
DIRECTIONS = 256


@dataclass(frozen=True)
class Knowledge:
    """What was learned from the visible results: one surrogate an objective, and the best members as parents."""

    surrogates: tuple[Surrogate, ...]
    best: tuple[Evaluated, ...]
    losses: Numbers  # of all that was learned from: (points, objectives)


@algorithms.register("predictor")
@dataclass
class Predictor:
    title: ClassVar[str] = "Predictor-guided: an ensemble learns which networks are worth training"

    population: int = option(10, "random networks before the first prediction", min=2, max=1000)
    pool: int = option(200, "candidates that are predicted for each proposal", min=2, max=5000, advanced=True)
    parents: int = option(10, "best networks whose mutations are candidates", min=1, max=1000, advanced=True)
    explore: float = option(
        0.2, "share of the candidates that is drawn at random", label="exploration", min=0.0, max=1.0, advanced=True
    )
    uncertainty: float = option(
        0.5,
        "standard deviations by which a drawn prediction may differ from its mean",
        min=0.0,
        max=10.0,
        advanced=True,
    )

    _count: int = field(default=-1, init=False, repr=False, compare=False)
    _knowledge: Knowledge | None = field(default=None, init=False, repr=False, compare=False)
    _notes: dict[int, dict[str, JSON]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def _survivors(self) -> Survivors:
        return Survivors(MOST_POINTS // 2, MOST_POINTS // 2)

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
            if self._knowledge is not None:
                self._notes[self._count] = fit(self._knowledge)
        return self._knowledge

    def learn(self, history: History) -> Knowledge | None:
        best = [each.member for each in self._survivors.of(history.evaluated)]
        if len(best) < 4:
            return None
        points = best + spread(history.evaluated, best)
        genotypes = matrix([each.genotype for each in points])
        losses = np.array([each.losses for each in points])
        surrogates = tuple(Surrogate(genotypes, losses[:, column]) for column in range(losses.shape[1]))
        return Knowledge(surrogates, tuple(best[: self.parents]), losses)

    def insight(self, history: History) -> dict[str, JSON]:
        """Returns how well results are predicted from all the others, for the first objective."""
        return self._notes.get(len(history.evaluated), {})

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        knowledge = self.knowledge(history)
        if knowledge is None or not front:
            return [Ballot("predictor", (), "abstains: too few results to learn from")]
        genotypes = matrix([each.genotype for each in front])
        means = np.sum([surrogate.predict(genotypes)[0] for surrogate in knowledge.surrogates], axis=0)
        ordered = sorted(zip(means, front, strict=True), key=lambda each: (float(each[0]), each[1].fingerprint))
        ranking = tuple(each.number for _, each in ordered)
        return [Ballot("predictor", ranking, "predicted mean over the objectives, each as a normal score")]


def fit(knowledge: Knowledge) -> dict[str, JSON]:
    surrogate, losses = knowledge.surrogates[0], knowledge.losses[:, 0]
    predicted = surrogate.left_out()
    error = float(np.abs(surrogate.losses_at(predicted) - losses).mean())
    if not (predicted.std() > 0 and surrogate.scores.std() > 0):
        return {"error": error}
    return {"correlation": float(np.corrcoef(predicted, surrogate.scores)[0, 1]), "error": error}


def spread(evaluated: Sequence[Evaluated], best: Sequence[Evaluated]) -> list[Evaluated]:
    """Returns as many others as there may be points, evenly over the history: bad networks have to be known too."""
    taken = {each.number for each in best}
    others = evaluated[:: 1 + len(evaluated) // MOST_POINTS]
    found = [each for each in others if each.losses and each.number not in taken]
    return found[: MOST_POINTS - len(best)]


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
        return [drafts[index] for index in self.acquisition(matrix([draft.genotype for draft in drafts]), random)]

    def acquisition(self, genotypes: Genotypes, random: Random) -> list[int]:
        """Ranks genotypes (candidates, decisions) by one draw from each prediction (Thompson); indices, best first."""
        generator = np.random.default_rng(random.getrandbits(64))
        draws = []
        for surrogate in self.knowledge.surrogates:
            mean, deviation = surrogate.predict(genotypes)
            drawn = mean + self.predictor.uncertainty * deviation * generator.standard_normal(len(mean))
            draws.append(surrogate.losses_at(drawn))
        if len(draws) == 1:
            return [int(index) for index in np.argsort(draws[0], kind="stable")]
        gains, nearness = gained(np.stack(draws, axis=1), self.knowledge.losses, generator)
        return [int(index) for index in np.lexsort((-nearness, -gains))]


def gained(losses: Numbers, known: Numbers, generator: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Returns what each row of losses (candidates, objectives) would add to the hypervolume of the known ones, up to a
    constant.

    Most add nothing; so it returns, too, how far each is from doing so in its best direction. Both results are
    (candidates,).
    """
    worst, best = known.max(axis=0), known.min(axis=0)
    scale = np.where(worst > best, worst - best, 1.0)
    directions = np.abs(generator.standard_normal((DIRECTIONS, known.shape[1])))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    beyond = reached((worst - losses) / scale, directions) - reached((worst - known) / scale, directions).max(axis=0)
    return np.maximum(0.0, beyond).mean(axis=1), beyond.max(axis=1)


def reached(inside: Numbers, directions: Numbers) -> Numbers:
    """Returns how much volume a ray from the reference point has within what a point dominates, (points, rays)."""
    lengths = np.maximum(0.0, (inside[:, None, :] / directions[None, :, :]).min(axis=2))
    return np.asarray(lengths ** inside.shape[1])

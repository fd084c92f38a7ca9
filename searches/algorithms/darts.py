"""DARTS (Liu et al. 2019, arxiv.org/abs/1806.09055) on a supernet, by default on one drawn path (GDAS, 1910.04465)

Its steps train the supernet (`searches/evaluation/supernet/training.py`); when it is done, the most likely networks of
each cost weight are proposed in turn, then the next most likely ones, and trained and measured as all others are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import log
from random import Random
from typing import Any, ClassVar

from architectures.nets.supernet_graph import SPACES, Supergraph, supergraph
from architectures.options import option
from searches import algorithms
from searches.algorithms.algorithm import Ballot, Evaluated, Genotype, History, Proposal, Step, StepDone
from searches.algorithms.draws import Draft, mutated, sampled, settle
from searches.algorithms.likely import SMALLEST, most_likely
from searches.evaluation.supernet.options import SupernetOptions

KIND = "darts"
RANKED = 20  # draws from the top, before others are tried: near a limit all of the top may break it
SHARPEST = 30  # draws; then uniform ones
LOOKED_AT = 3000  # points of one ask
NONE = "none"  # no operation: the paper leaves it out when a network is derived, for its alpha says nothing


class Ranking:
    """The networks of one set of alphas, from the most likely one down; as far as anybody has asked."""

    def __init__(self, description: Supergraph, alphas: Sequence[Sequence[float]], max_skip_share: float) -> None:
        self.description, self.max_skip_share = description, max_skip_share
        self.alphas = [without_none(each.labels, row) for each, row in zip(description.decisions, alphas, strict=True)]
        self.found: list[Genotype] = []
        self._rest = self._networks()

    def _networks(self) -> Iterator[Genotype | None]:
        """None for a point that is no further network, so that a caller can stop."""
        seen: set[Genotype] = set()
        for choices in most_likely(self.alphas):
            is_collapsed = self.max_skip_share < 1 and self.description.skip_share(choices) >= self.max_skip_share
            genotype = self.description.genotype(choices)
            if genotype in seen or is_collapsed:
                yield None
                continue
            seen.add(genotype)
            yield genotype

    def __iter__(self) -> Iterator[Genotype]:
        place, looked = 0, 0
        while True:
            if place < len(self.found):
                yield self.found[place]
                place += 1
                continue
            looked += 1
            try:
                genotype = next(self._rest)
            except StopIteration:
                return
            if looked > LOOKED_AT:
                return
            if genotype is not None:
                self.found.append(genotype)

    def draw(self, random: Random, temperature: float) -> Genotype:
        choices = [
            random.choices(range(len(row)), [(p + 1e-4) ** (1 / temperature) for p in row])[0] for row in self.alphas
        ]
        return self.description.genotype(choices)


@algorithms.register(KIND)
@dataclass
class Darts(SupernetOptions):
    title: ClassVar[str] = "DARTS: a supernet learns its operations by gradient"
    spaces: ClassVar[tuple[str, ...]] = SPACES
    needs_training: ClassVar[bool] = True  # its steps train a supernet: there is nothing to learn from a table

    population: int = option(
        1, "proposals per generation; an epoch of the supernet is one", min=1, max=1000, advanced=True
    )

    _rankings: dict[tuple[int, int], Ranking] = field(default_factory=dict, init=False, repr=False, compare=False)

    def ask(self, number: int, history: History) -> Proposal | Step:
        steps = [each for each in history.steps if each.kind == KIND]
        newest = latest(steps)
        is_done = bool(newest and newest.report["is_done"])
        if not is_done and not any(each.reason for each in steps):
            return Step(KIND, self._step_options(history), self._words(newest))
        if newest is None:
            return settle(lambda random, failed: sampled(random, history), number, history)
        return self._proposal(number, newest, history)

    def _step_options(self, history: History) -> dict[str, Any]:
        document = history.problem.document
        if document is None:
            raise ValueError("darts trains a supernet of the space's networks, and a table has none")
        options = {each.name: getattr(self, each.name) for each in fields(SupernetOptions)}
        return options | {"target": document.get("target", "this_machine")}

    def _words(self, newest: StepDone | None) -> str:
        known = f"{newest.report['epoch']:g} are known" if newest else "none is known yet"
        return f"trains the supernet on; of {self.epochs} epochs {known}"

    def _proposal(self, number: int, newest: StepDone, history: History) -> Proposal:
        sets = newest.report["sets"]
        first = next((each for each in history.steps if each.kind == KIND and each.report.get("is_done")), newest)
        place = (number - first.number - 1) % len(sets)
        ranking = self._ranking(newest, place, history)
        weight = sets[place]["weight"]
        networks = (genotype for genotype in ranking if genotype not in history.known)

        def draw(random: Random, failed: int) -> Draft:
            if failed < RANKED and (genotype := next(networks, None)) is not None:
                rank = ranking.found.index(genotype) + 1
                return Draft(genotype, (), f"rank {rank} of the alphas of cost weight {weight:g}")
            if failed < SHARPEST:
                temperature = 1.0 + max(0, failed - RANKED) / 2
                return Draft(ranking.draw(random, temperature), (), f"drawn by the alphas of cost weight {weight:g}")
            return mutated(sampled(random, history), random, history, 0) if failed % 2 else sampled(random, history)

        return settle(draw, number, history)

    def _ranking(self, newest: StepDone, place: int, history: History) -> Ranking:
        key = newest.number, place
        if key not in self._rankings:
            alphas = newest.report["sets"][place]["alphas"]
            self._rankings[key] = Ranking(self._description(history), alphas, self.max_skip_share)
        return self._rankings[key]

    def _description(self, history: History) -> Supergraph:
        if "description" not in self.__dict__:
            self.__dict__["description"] = supergraph(history.problem.space)  # type: ignore[arg-type]  # no table
        return self.__dict__["description"]  # type: ignore[no-any-return]

    def insight(self, history: History) -> Mapping[str, Any]:
        newest = latest([each for each in history.steps if each.kind == KIND])
        if newest is None:
            return {}
        names = ("epoch", "loss", "accuracy", "temperature", "skip_share", "eigenvalue")
        return {name: newest.report[name] for name in names if newest.report[name] is not None}

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        newest = latest([each for each in history.steps if each.kind == KIND])
        if not front or newest is None:
            return [Ballot(KIND, (), "abstains: its supernet has learned nothing yet")]
        description = self._description(history)
        alphas = newest.report["sets"][0]["alphas"]
        scores = {each.number: log_probability(description, alphas, each.genotype) for each in front}
        ordered = sorted(front, key=lambda each: (-scores[each.number], each.fingerprint))
        return [Ballot(KIND, tuple(each.number for each in ordered), "log-probability under its alphas")]


def latest(steps: Sequence[StepDone]) -> StepDone | None:
    return next((each for each in reversed(steps) if each.report), None)


def without_none(labels: Sequence[str], row: Sequence[float]) -> list[float]:
    return [0.0 if label == NONE and len(labels) > 1 else value for label, value in zip(labels, row, strict=True)]


def log_probability(description: Supergraph, alphas: Sequence[Sequence[float]], genotype: Genotype) -> float:
    """Mean over the decisions that matter: a deeper network has more of them, and is not less likely for that."""
    relevant = description.space.relevant(genotype)
    logs = []
    for decision, row in zip(description.decisions, alphas, strict=True):
        if relevant[decision.index] and len(row) > 1:
            value = genotype[decision.index]
            logs.append(log(max(SMALLEST, row[decision.choices.index(value)] if value in decision.choices else 0.0)))
    return sum(logs) / max(1, len(logs))

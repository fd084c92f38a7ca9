"""REINFORCE with an LSTM controller (Zoph & Le 2017, arxiv.org/abs/1611.01578); several objectives make one reward in
MnasNet's form (Tan et al. 2019): quality * product of (cost / its first median) ** -weight.

Each update also imitates the best results so far (priority queue training, Abolafia et al. 2018,
arxiv.org/abs/1801.03526); ``imitate = 0`` is REINFORCE alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from architectures.options import option
from searches import algorithms
from searches.algorithms.algorithm import JSON, Ballot, Evaluated, History, Proposal
from searches.algorithms.controller import Controller
from searches.algorithms.draws import DRAWS, Draft, settle
from searches.algorithms.nsga2 import position

ELITE = 3  # results that are imitated
GROWTH = 32  # a batch is at least this part of what was learned from before, so a long history is learned in seconds
DRAWN = DRAWS // 5  # genotypes at once
STUCK = 5  # numbers in a row without a new network, after which one decision more is drawn anew
SMALLEST = 1e-12  # a cost of zero would make an infinite reward


@algorithms.register("reinforce")
@dataclass
class Reinforce:
    title: ClassVar[str] = "Reinforcement: an LSTM controller learns to write good networks"

    population: int = option(10, "proposals per generation", min=2, max=1000)
    batch: int = option(2, "proposals between two updates of the controller", min=1, max=1000, advanced=True)
    hidden: int = option(
        32, "width of the controller's two layers", label="controller width", min=4, max=256, advanced=True
    )
    rate: float = option(
        0.03, "learning rate of the controller", label="learning rate", min=1e-05, max=1.0, advanced=True
    )
    entropy: float = option(
        0.25, "reward for staying undecided", label="entropy bonus", min=0.0, max=10.0, advanced=True
    )
    baseline: float = option(
        0.8,
        "memory of the moving baseline of the reward",
        label="memory of the baseline",
        min=0.0,
        max=0.999,
        advanced=True,
    )
    clip: float = option(
        1.0, "largest norm of a gradient", label="gradient clipping", min=0.001, max=100.0, advanced=True
    )
    imitate: float = option(
        0.3, "weight of the best results so far in each update", label="imitation", min=0.0, max=10.0, advanced=True
    )
    weight: float = option(
        0.07,
        "exponent of each further objective in the reward",
        label="exponent of further objectives",
        min=0.0,
        max=10.0,
        advanced=True,
    )

    _controller: Controller | None = field(default=None, init=False, repr=False, compare=False)
    _end: int = field(default=0, init=False, repr=False, compare=False)  # the first number that was not learned from
    _moving: float | None = field(default=None, init=False, repr=False, compare=False)
    _spread: float = field(default=0.0, init=False, repr=False, compare=False)
    _entropy: float = field(default=0.0, init=False, repr=False, compare=False)
    _reward: float = field(default=0.0, init=False, repr=False, compare=False)
    _elite: list[tuple[float, Evaluated]] = field(default_factory=list, init=False, repr=False, compare=False)
    _notes: list[tuple[int, dict[str, JSON]]] = field(default_factory=list, init=False, repr=False, compare=False)
    _medians: tuple[float, ...] = field(default=(), init=False, repr=False, compare=False)

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def ask(self, number: int, history: History) -> Proposal:
        controller = self.learned(history)
        stuck = idle(number, history) // STUCK
        drawn: list[Draft] = []
        written: list[NDArray[np.int64]] = []

        def draw(random: Random, failed: int) -> Draft:
            if failed == len(drawn):  # a policy that only repeats itself looks round what it would write
                generator = np.random.default_rng(random.getrandbits(64))
                if not failed:
                    written.append(controller.draw(DRAWN, generator))
                genotypes = written[0].copy()
                astray(genotypes, stuck + failed // DRAWN, controller.choices, generator)
                change = "drawn by the controller"
                drawn.extend(
                    Draft(history.problem.space.canonical(tuple(each)), (), change) for each in genotypes.tolist()
                )
            return drawn[failed]

        return settle(draw, number, history)

    def learned(self, history: History) -> Controller:
        """The controller after an update with each batch that is visible as a whole."""
        evaluated = history.evaluated
        last = evaluated[-1].number if evaluated else 0
        if self._controller is None or last < self._end:
            self.begin(history)
        assert self._controller is not None
        while (end := self._end + max(self.batch, self._end // GROWTH)) <= last:
            batch = evaluated[position(evaluated, self._end) : position(evaluated, end)]
            self._end = end
            self.update(self._controller, batch, history)
            note = {"reward": self._reward, "baseline": self._moving, "entropy": self._entropy}
            self._notes.append((end, note))
        return self._controller

    def begin(self, history: History) -> None:
        choices = tuple(len(decision.choices) for decision in history.problem.space.decisions)
        seed = Random(f"{history.problem.seed}/controller").getrandbits(63)
        self._controller = Controller(choices, self.hidden, self.rate, self.clip, seed)
        self._end, self._moving, self._spread, self._medians = 0, None, 0.0, ()
        self._elite, self._notes = [], []

    def update(self, controller: Controller, batch: Sequence[Evaluated], history: History) -> None:
        done = [each for each in batch if each.losses]
        if not done:
            return
        if not self._medians:
            self._medians = tuple(median(column) for column in zip(*(each.losses for each in done), strict=True))
        rewards = {each.number: self.reward(each.losses) for each in done}
        worst = min(rewards.values())
        values = np.array([rewards.get(each.number, worst) for each in batch])  # a failure counts as the batch's worst
        if self._moving is None:
            self._moving, self._spread = float(values.mean()), float(values.std())
        advantages = (values - self._moving) / (self._spread + 1e-3 * abs(self._moving) + SMALLEST)
        self._moving = self.baseline * self._moving + (1 - self.baseline) * float(values.mean())
        self._spread = self.baseline * self._spread + (1 - self.baseline) * float(values.std())
        self._reward = float(values.mean())
        best = [*self._elite, *((rewards[each.number], each) for each in done)]
        self._elite = sorted(best, key=lambda each: (-each[0], each[1].number))[:ELITE]
        elite = [each for _, each in self._elite] if self.imitate else []
        taught = [*batch, *elite]
        weights = np.concatenate([np.clip(advantages, -3, 3), np.full(len(elite), self.imitate)])
        genotypes = np.array([each.genotype for each in taught], dtype=np.int64)
        self._entropy = controller.learn(genotypes, self.relevant(taught, history), weights, self.entropy)

    def insight(self, history: History) -> dict[str, JSON]:
        """The last batch's mean reward, the moving baseline, and the policy's entropy over the networks it learned."""
        last = history.evaluated[-1].number if history.evaluated else -1
        return next((note for end, note in reversed(self._notes) if end <= last), {})

    def relevant(self, batch: Sequence[Evaluated], history: History) -> NDArray[np.bool_]:
        """Returns which decisions matter in each genotype, (genotypes, decisions)."""
        return np.array([history.problem.space.relevant(each.genotype) for each in batch], dtype=np.bool_)

    def reward(self, losses: Sequence[float]) -> float:
        first, *others = losses
        # An objective that is maximised is a negative loss; of one that is minimised, less than the median is better.
        quality = -first if first < 0 else max(self._medians[0], SMALLEST) / max(first, SMALLEST)
        for loss, middle in zip(others, self._medians[1:], strict=True):
            ratio = max(abs(loss), SMALLEST) / max(abs(middle), SMALLEST)
            quality *= ratio ** (-self.weight if loss >= 0 else self.weight)
        return float(quality)

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        controller = self.learned(history)
        if not front or not controller.updates:
            return [Ballot("reinforce", (), "abstains: the controller has learned nothing yet")]
        genotypes = np.array([each.genotype for each in front], dtype=np.int64)
        logs, _, _ = controller.judge(genotypes, self.relevant(front, history))
        ordered = sorted(zip(logs, front, strict=True), key=lambda each: (-float(each[0]), each[1].fingerprint))
        return [Ballot("reinforce", tuple(each.number for _, each in ordered), "log-probability under its controller")]


def astray(genotypes: NDArray[np.int64], changes: int, choices: Sequence[int], generator: np.random.Generator) -> None:
    """Draws `changes` decisions of each of (genotypes, decisions) anew, in place.

    This stays nearer to what was learned than a flattened policy.
    """
    for genotype in genotypes if changes else ():
        for place in generator.choice(len(choices), min(changes, len(choices)), replace=False):
            genotype[place] = generator.integers(choices[place])


def idle(number: int, history: History) -> int:
    """Numbers in a row that brought nothing new, of those that this one knows of."""
    last = history.evaluated[-1].number if history.evaluated else -1
    return max(0, history.evaluations_below(number) - 1 - last)

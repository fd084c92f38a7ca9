"""The ensemble: several algorithms fill one archive, see each other's results, and share the numbers.

``adaptive``: a member's chance to propose follows the hypervolume that its networks gained per counted cost, recent
ones counting more; nobody falls below a floor. Gains over the best alone are too rare to rank members, so what a
network would add if the front, or the two best fronts, were not there counts too. ``fixed``: in turn, by the shares
that the user wrote. A member that learns by steps of its own has every second number until it can propose; one that
cannot search the problem (a supernet on a table) is left out.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import ClassVar

import numpy as np

from architectures.options import option
from architectures.registry import UnknownName
from searches import algorithms, pareto
from searches.algorithms.algorithm import JSON, Algorithm, Ballot, Evaluated, History, Proposal, Step
from searches.algorithms.nsga2 import position

DEPTH = 3  # fronts that a gain is measured against
MARGIN = 0.1  # of the first range, beyond the first worst values: the reference point of the credit


@dataclass
class Credit:
    """What each member's networks gained and cost, faded with every further result."""

    names: tuple[str, ...]
    memory: float
    gained: dict[str, float] = field(init=False)
    spent: dict[str, float] = field(init=False)
    paid: dict[str, float] = field(init=False)  # not faded
    usual: float = field(default=0.0, init=False)  # faded mean of the gains

    def __post_init__(self) -> None:
        self.gained = dict.fromkeys(self.names, 0.0)
        self.spent = dict.fromkeys(self.names, 0.0)
        self.paid = dict.fromkeys(self.names, 0.0)

    def enter(self, name: str, gain: float, cost: float) -> None:
        """Gains shrink as a front fills up, so each counts by what was usual when it came."""
        for each in self.names:
            self.gained[each] *= self.memory
            self.spent[each] *= self.memory
        self.usual = self.memory * self.usual + (1 - self.memory) * gain
        self.gained[name] += gain / self.usual if self.usual > 0 else 0.0
        self.charge(name, cost)

    def charge(self, name: str, cost: float) -> None:
        self.spent[name] += cost
        self.paid[name] += cost

    def shares(self, floor: float) -> list[float]:
        """Chances that sum to 1; equal ones while nobody has gained anything."""
        rates = [self.gained[name] / self.spent[name] if self.spent[name] > 0 else 0.0 for name in self.names]
        total = sum(rates)
        if total <= 0:
            return [1 / len(rates)] * len(rates)
        least = floor / len(rates)
        return [least + (1 - floor) * rate / total for rate in rates]


@algorithms.register("portfolio")
@dataclass
class Portfolio:
    title: ClassVar[str] = "Ensemble: evolution, DARTS, reinforcement and predictor share one archive"

    population: int = option(10, "proposals per generation, over all members", min=2, max=1000)
    members: str = option(
        "nsga2,predictor,reinforce,darts",
        "algorithms, separated by commas, each with its defaults; members that do not support the space are skipped",
        advanced=True,
    )
    allocation: str = option(
        "adaptive",
        "adaptive gives more proposals to members that gain more, fixed follows the shares",
        choices=("adaptive", "fixed"),
        advanced=True,
    )
    shares: str = option(
        "", "shares of the members where the allocation is fixed, such as 2,1,1; empty: equal shares", advanced=True
    )
    floor: float = option(
        0.2,
        "share of the proposals that is dealt out equally where the allocation is adaptive",
        label="equal share",
        min=0.0,
        max=1.0,
        advanced=True,
    )
    memory: float = option(
        0.95,
        "weight that a gain keeps with each further result",
        label="memory of gains",
        min=0.0,
        max=1.0,
        advanced=True,
    )

    _owners: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    _out: dict[str, str] | None = field(default=None, init=False, repr=False, compare=False)
    _ready: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _steps_seen: int = field(default=0, init=False, repr=False, compare=False)
    _seen: int = field(default=0, init=False, repr=False, compare=False)
    _first: list[tuple[float, ...]] = field(default_factory=list, init=False, repr=False, compare=False)
    _reference: list[float] | None = field(default=None, init=False, repr=False, compare=False)
    _notes: list[tuple[int, dict[str, JSON]]] = field(default_factory=list, init=False, repr=False, compare=False)
    _fronts: list[list[tuple[float, ...]]] = field(default_factory=list, init=False, repr=False, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.members.split(","))

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """Turns of each member in a round, if fixed."""
        return tuple(int(text) for text in self.shares.split(",")) if self.shares else (1,) * len(self.names)

    @cached_property
    def able(self) -> tuple[str, ...]:
        """The members that can search the problem."""
        return tuple(name for name in self.names if name not in (self._out or {}))

    @cached_property
    def asked(self) -> dict[str, Algorithm]:
        return {name: make(name, self.population) for name in self.able}

    @cached_property
    def credit(self) -> Credit:
        return Credit(self.able, self.memory)

    def left_out(self, document: Mapping[str, JSON] | None) -> dict[str, str]:
        """Members that cannot search a problem, and why."""
        reasons = {name: algorithms.unfit(name, document) for name in self.names}
        return {name: reason for name, reason in reasons.items() if reason}

    def faults(self) -> Iterator[tuple[str, str]]:
        for name in self.names:
            if name == "portfolio":
                yield "members", "must not name portfolio itself; name the algorithms that it combines"
                continue
            try:
                algorithms.get(name)
            except UnknownName as error:
                yield "members", f"must be algorithms, separated by commas: {error}"
        if len(set(self.names)) < len(self.names):
            yield "members", f"must name each algorithm once, but is {self.members!r}"
        turns = [text.strip() for text in self.shares.split(",")] if self.shares else []
        if turns and (
            len(turns) != len(self.names) or not all(turn.isdecimal() and 0 < int(turn) < 1000 for turn in turns)
        ):
            wanted = f"must be {len(self.names)} whole numbers from 1 to 999, separated by commas, one per member"
            yield "shares", f"{wanted}, but is {self.shares[:40]!r}"

    def ask(self, number: int, history: History) -> Proposal | Step:
        self.meet(history)
        name = self.owner(number, history)
        proposal = self.asked[name].ask(number, history)
        return replace(proposal, change=f"{name}: {proposal.change}")

    def meet(self, history: History) -> None:
        """Finds out once who can search the problem. Raises ValueError where no member can."""
        if self._out is None:
            self._out = self.left_out(history.problem.document)
            if not self.able:
                raise ValueError(f"no member of the portfolio can search this problem: {self._out}")

    def owner(self, number: int, history: History) -> str:
        """Names the member that proposes for a number: a function of the results that this number may see."""
        while len(self._owners) <= number:
            turn = len(self._owners)
            if self.allocation == "adaptive":
                self.fill_in(history, position(history.evaluated, history.evaluations_below(turn)))
            self._owners.append(self.chosen(turn, history))
        return self._owners[number]

    def chosen(self, number: int, history: History) -> str:
        if self.allocation == "fixed":
            turns = zip(self.names, self.weights, strict=True)
            round_ = [name for name, count in turns if name in self.able for _ in range(count)]
            return round_[number % len(round_)]
        learner = self.learner(number, history)
        if learner and (number % 2 or len(self.able) == 1):
            return learner
        random = Random(f"{history.problem.seed}/{number}/member")
        shares = zip(self.able, self.credit.shares(self.floor), strict=True)
        chances = {name: share for name, share in shares if name != learner}
        return random.choices(list(chances), list(chances.values()))[0]

    def learner(self, number: int, history: History) -> str:
        """The first member that answers this number with a step: it has to learn before it can propose."""
        for name in self.able:
            if algorithms.needs_training(name) and name not in self._ready:
                if isinstance(self.asked[name].ask(number, seen_at(number, history)), Step):
                    return name
                self._ready.add(name)
        return ""

    def fill_in(self, history: History, count: int) -> None:
        """Credits the results up to this many, in the order of their numbers."""
        while self._seen < count:
            result = history.evaluated[self._seen]
            self.charge_steps(history, result.number)
            cost = history.problem.cost(result.genotype)
            self.credit.enter(self._owners[result.number], self.gain(result), cost)
            self._seen += 1
            if self._seen % self.population == 0:
                self._notes.append((result.number, self.insight_now()))

    def charge_steps(self, history: History, below: int) -> None:
        """Charges members with what they spent on their own learning."""
        while self._steps_seen < len(history.steps) and history.steps[self._steps_seen].number < below:
            step = history.steps[self._steps_seen]
            self.credit.charge(self._owners[step.number], step.cost)
            self._steps_seen += 1

    def gain(self, result: Evaluated) -> float:
        """Hypervolume that the result adds, on average over the fronts that are taken away before.

        0 until a first generation has fixed the reference point.
        """
        if not result.is_feasible:
            return 0.0
        if self._reference is None:
            self._first.append(result.losses)
            if len(self._first) >= self.population:
                worst, best = np.max(self._first, axis=0), np.min(self._first, axis=0)
                self._reference = (worst + MARGIN * np.maximum(worst - best, 1e-12)).tolist()
                self._fronts = layers(self._first)
            return 0.0
        if len(self._fronts) == DEPTH and any(
            pareto.weakly_dominates(each, result.losses) for each in self._fronts[-1]
        ):
            return 0.0
        rest = [losses for front in self._fronts for losses in front]
        with_it = layers([*rest, result.losses])
        gains = []
        for front in self._fronts:
            gains.append(self.volume([*rest, result.losses]) - self.volume(rest))
            rest = rest[len(front) :]
        self._fronts = with_it
        return sum(gains) / DEPTH

    def volume(self, losses: Sequence[tuple[float, ...]]) -> float:
        assert self._reference is not None
        return pareto.hypervolume(losses, self._reference)

    def insight(self, history: History) -> dict[str, JSON]:
        """Each member's chance to propose, and what its networks cost."""
        last = history.evaluated[-1].number if history.evaluated else -1
        return next((note for number, note in reversed(self._notes) if number <= last), {})

    def insight_now(self) -> dict[str, JSON]:
        shares = zip(self.able, self.credit.shares(self.floor), strict=True)
        return {"credit": {name: round(share, 4) for name, share in shares}, "cost": dict(self.credit.paid)}

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        self.meet(history)
        cast = [ballot for member in self.asked.values() for ballot in member.ballots(front, history)]
        out = (self._out or {}).items()
        return [*cast, *(Ballot(name, (), f"abstains: it was left out, for {reason}") for name, reason in out)]


def seen_at(number: int, history: History) -> History:
    """Returns what a number may see, out of the history of a later one."""
    horizon = history.horizon(number)
    steps = history.steps[: bisect_left(history.steps, horizon, key=lambda step: step.number)]
    count = position(history.evaluated, history.evaluations_below(number))
    return replace(history, evaluated=history.evaluated[:count], steps=steps)


def make(name: str, population: int) -> Algorithm:
    return algorithms.get(name)(population=population)  # type: ignore[call-arg]  # every algorithm has this option


def layers(losses: Sequence[tuple[float, ...]]) -> list[list[tuple[float, ...]]]:
    """The best fronts, one behind the other."""
    return [[losses[index] for index in front] for front in pareto.fronts(losses)[:DEPTH]]

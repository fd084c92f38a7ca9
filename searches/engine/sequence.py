"""One sequence of numbers, one lag: what may be asked when, and who may see which result."""

from bisect import bisect_left
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from searches.algorithms.algorithm import Algorithm, Evaluated, Genotype, History, Problem, Step, StepDone

BARREN = 100  # numbers in a row without a new network end a search


class Identified(Problem, Protocol):
    """A problem that can tell whether two genotypes are one network."""

    def identity(self, genotype: Genotype) -> str: ...


@dataclass(frozen=True)
class Candidate:
    """A new network with its number."""

    number: int
    genotype: Genotype
    fingerprint: str
    parents: tuple[int, ...]
    change: str
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Duplicate:
    number: int
    fingerprint: str
    of: int
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    number: int
    refused: tuple[str, ...]


@dataclass(frozen=True)
class StepAsked:
    """A unit of the algorithm's own learning with its number."""

    number: int
    step: Step
    refused: tuple[str, ...] = ()


Asked: TypeAlias = Candidate | Duplicate | Refused | StepAsked
Pending: TypeAlias = Candidate | StepAsked


class Known:
    """The genotypes whose network has a number already."""

    def __init__(self, problem: Identified) -> None:
        self.problem = problem
        self.numbers: dict[str, int] = {}

    def __contains__(self, genotype: object) -> bool:
        return self.problem.identity(genotype) in self.numbers  # type: ignore[arg-type]

    def add(self, fingerprint: str, number: int) -> None:
        self.numbers.setdefault(fingerprint, number)


class Sequence:
    """Numbers jobs. Asking number n waits until every number below n - lag is settled, and shows those results only."""

    def __init__(self, problem: Identified, algorithm: Algorithm, lag: int) -> None:
        self.problem = problem
        self.algorithm = algorithm
        self.lag = lag
        self.number = 0  # the next to be asked
        self.barren = 0
        self.evaluated: list[Evaluated] = []  # accepted, in order
        self.steps: list[StepDone] = []  # accepted, in order
        self.pending: dict[int, Pending] = {}  # asked, without a result; in order of their numbers
        self.known = Known(problem)
        self._numbers: list[int] = []

    @property
    def settled(self) -> int:
        """Every number below it has its result, or never needed one."""
        return next(iter(self.pending), self.number)

    @property
    def issued(self) -> int:
        """Distinct networks that have a number."""
        return len(self.known.numbers)

    @property
    def may_ask(self) -> bool:
        return self.settled >= self.number - self.lag and self.barren < BARREN

    def restore(self, accepted: Ordered[Evaluated | StepDone]) -> None:
        """Goes on after these; what was asked behind the last of them will be asked again."""
        for result in accepted:
            self.append(result)
            self.barren += result.number - self.number  # numbers between two results brought nothing new
            if isinstance(result, Evaluated):
                self.known.add(result.fingerprint, result.number)
                self.barren = 0
            self.number = result.number + 1

    def ask(self) -> Asked:
        number, self.number = self.number, self.number + 1
        proposal = self.algorithm.ask(number, self.seen_by(number))
        if isinstance(proposal, Step):
            self.pending[number] = step = StepAsked(number, proposal)
            return step
        if proposal.is_refused:
            self.barren += 1
            return Refused(number, proposal.refused)
        fingerprint = self.problem.identity(proposal.genotype)
        if (first := self.known.numbers.get(fingerprint)) is not None:
            self.barren += 1
            return Duplicate(number, fingerprint, first, proposal.refused)
        self.barren = 0
        self.known.add(fingerprint, number)
        candidate = Candidate(
            number, proposal.genotype, fingerprint, proposal.parents, proposal.change, proposal.refused
        )
        self.pending[number] = candidate
        return candidate

    def seen_by(self, number: int) -> History:
        """What job ``number`` may know."""
        horizon = number - self.lag
        steps = self.steps[: bisect_left(self.steps, horizon, key=lambda step: step.number)]
        return History(self.problem, self.below(horizon), self.known, self.lag, steps)

    def below(self, number: int) -> list[Evaluated]:
        return self.evaluated[: bisect_left(self._numbers, number)]

    def accept(self, result: Evaluated | StepDone) -> None:
        """The result of the lowest pending number: a later one has to wait, so that no decision sees it early."""
        if result.number != self.settled:
            raise ValueError(f"number {self.settled} has to be accepted next, not {result.number}")
        del self.pending[result.number]
        self.append(result)

    def append(self, result: Evaluated | StepDone) -> None:
        if isinstance(result, StepDone):
            self.steps.append(result)
            return
        self.evaluated.append(result)
        self._numbers.append(result.number)

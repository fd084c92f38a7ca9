"""What an algorithm is given and what it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from architectures.spaces import Decision, Variation

Genotype: TypeAlias = tuple[int, ...]
JSON: TypeAlias = Any  # what json.loads gives


@dataclass(frozen=True)
class Proposal:
    """A genotype to evaluate, and where it comes from."""

    genotype: Genotype
    parents: tuple[int, ...] = ()  # numbers
    change: str = ""  # in words
    refused: tuple[str, ...] = ()  # reasons of the draws before it that broke a limit
    is_refused: bool = False  # this one breaks a limit too: no draw of this number kept them


@dataclass(frozen=True)
class Step:
    """A unit of an algorithm's own learning, done by an evaluator in at most 30 s; it takes a number, too.

    It goes on from the state that the step of the same kind before it left; the engine keeps that chain.
    """

    kind: str  # a module of searches/evaluation/steps
    options: Mapping[str, JSON] = field(default_factory=dict)
    change: str = ""  # in words


@dataclass(frozen=True)
class StepDone:
    """An accepted step: what its evaluator reported; a failed one left the chain's state as it was."""

    number: int
    kind: str
    report: Mapping[str, JSON]  # empty where it failed
    reason: str = ""  # why it failed
    cost: int = 0  # counted


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An accepted result, as an algorithm sees it."""

    number: int
    genotype: Genotype
    fingerprint: str
    losses: tuple[float, ...]  # all minimised; empty where it failed
    violation: float = 0.0  # how far measured values are beyond their limits, as a share; infinite where it failed
    fidelity: int = 0  # epochs; algorithms see the ladder's first rung, the one that every network has
    position: int = -1  # in the sequence, where it is not the number: a promotion
    ranks: tuple[float, ...] = ()  # what the ladder promotes by, where it is not the losses

    @property
    def is_feasible(self) -> bool:
        return self.violation == 0.0

    @property
    def at(self) -> int:
        """Its position in the sequence."""
        return self.number if self.position < 0 else self.position


@dataclass(frozen=True)
class Ballot:
    """One voter's order of a front, best first; without a ranking it abstains, and says why."""

    voter: str
    ranking: tuple[int, ...]  # numbers
    reason: str


class Choices(Protocol):
    """What an algorithm needs of a search space; every Space has it, and so does a table."""

    @property
    def decisions(self) -> tuple[Decision, ...]: ...
    @property
    def size(self) -> int: ...
    def canonical(self, genotype: Genotype) -> Genotype: ...
    def relevant(self, genotype: Genotype) -> tuple[bool, ...]: ...
    def sample(self, random: Random) -> Genotype: ...
    def mutate(self, genotype: Genotype, random: Random, rate: float | None = None) -> Variation: ...
    def crossover(self, first: Genotype, second: Genotype, random: Random) -> Variation: ...


class Problem(Protocol):
    """What is searched, fixed for a whole run."""

    @property
    def space(self) -> Choices: ...
    @property
    def seed(self) -> int: ...
    @property
    def document(self) -> Mapping[str, JSON] | None:
        """Returns, for steps, input_shape, classes, and the space's name and options; None on a table."""

    def sample(self, random: Random) -> Genotype:
        """A random genotype, within the limits where enough are."""

    def refusal(self, genotype: Genotype) -> str:
        """Says why this genotype may not be evaluated; empty where it may."""

    def cost(self, genotype: Genotype) -> float:
        """Returns the cost of its evaluation: counted, never timed."""


class Known(Protocol):
    """The networks that have a number already, evaluated or not yet."""

    def __contains__(self, genotype: object) -> bool: ...


@dataclass(frozen=True)
class History:
    """What job ``number`` may know: results below ``number - lag``, and what was proposed below ``number``."""

    problem: Problem
    evaluated: Sequence[Evaluated]  # ordered by number
    known: Known
    lag: int
    steps: Sequence[StepDone] = ()  # ordered by number
    generation: int = 0  # numbers that are decided together, where a search is generational
    blind: int = 0  # numbers below it see no evaluations: those of the first networks stay on trial until then

    def horizon(self, number: int) -> int:
        """The results that job ``number`` may see are below it."""
        return number // self.generation * self.generation if self.generation else number - self.lag

    def evaluations_below(self, number: int) -> int:
        """Returns the horizon for evaluations alone."""
        return 0 if number < self.blind else self.horizon(number)


class Algorithm(Protocol):
    """A dataclass whose fields are its options; what it derives from a history it may keep, one instance a run.

    ``ask`` depends on the options, the problem, the number and the history alone: asking again gives the same answer.
    """

    title: ClassVar[str]
    population: int  # numbers in a generation

    def faults(self) -> Iterator[tuple[str, str]]:
        """Options that contradict each other: field and message."""

    def ask(self, number: int, history: History) -> Proposal | Step: ...

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        """Returns how this algorithm, or each of its members, would order a front by its own knowledge."""


@runtime_checkable
class Insightful(Protocol):
    """An algorithm that reports about itself; kept with each generation and plotted by these names."""

    def insight(self, history: History) -> Mapping[str, JSON]:
        """Numbers by name, of the state that an earlier ``ask`` has learned from just this history.

        Later asks may have seen more: answer from what was noted while learning, and rewind nothing.
        """


@dataclass(frozen=True)
class Stage:
    """A part of a search that draws from a part of the space, and why."""

    index: int
    name: str
    reason: str
    changes: tuple[str, ...] = ()  # decisions that were opened, narrowed or frozen, in words


@runtime_checkable
class Staged(Protocol):
    """An algorithm whose search has stages; ``stage`` is that of the number that was asked last."""

    stage: Stage | None

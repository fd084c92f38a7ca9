"""One sequence of numbers, one lag: what may be asked when, and who may see which result."""

from bisect import bisect_left
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from searches.algorithms.algorithm import Algorithm, Evaluated, Genotype, History, Problem, Step, StepDone
from searches.engine.ladder import Rungs
from searches.engine.supernet_check import KIND, SupernetCheck

BARREN = 100  # numbers in a row without a new network end a search


class Identified(Problem, Protocol):
    """A problem that knows whether two genotypes are one network."""

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
    fidelity: int  # of its first evaluation


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


@dataclass(frozen=True)
class Promotion:
    """A network that is measured once more, at a higher fidelity; it takes a position and keeps its number."""

    position: int
    member: Evaluated
    fidelity: int
    reason: str
    refused: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return self.member.number


@dataclass(frozen=True)
class Idle:
    """A position at which nothing was to be done: what stands before it is waited for."""

    number: int
    refused: tuple[str, ...] = ()


Asked: TypeAlias = Candidate | Duplicate | Refused | StepAsked | Promotion | Idle
Pending: TypeAlias = Candidate | StepAsked | Promotion


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
    """Numbers jobs. Asking at a position waits until every position below its horizon is settled, and shows those only.

    The horizon of position n is n - lag; in a generational search it is the first position of its generation.
    """

    def __init__(
        self,
        problem: Identified,
        algorithm: Algorithm,
        lag: int,
        *,
        rungs: Rungs | None = None,
        check: SupernetCheck | None = None,  # of a supernet as the first of the rungs
        is_generational: bool = False,
        most: int | None = None,  # networks; then there are promotions only
    ) -> None:
        self.problem = problem
        self.algorithm = algorithm
        self.lag = lag
        self.rungs = rungs
        self.check = check
        self.is_generational = is_generational
        self.most = most
        self.number = 0  # the next position to be asked
        self.asked: list[int] = []  # positions at which the algorithm was asked, those before a stop included
        self.heard = -1  # the newest of them since then
        self.busy = 0  # behind the last position at which something was done
        self.barren = 0
        self.evaluated: list[Evaluated] = []  # accepted on the first rung, in order
        self.steps: list[StepDone] = []  # accepted, in order
        self.pending: dict[int, Pending] = {}  # asked, without a result; in order of their positions
        self.known = Known(problem)
        self._numbers: list[int] = []

    @property
    def settled(self) -> int:
        """Every position below it has its result, or never needed one."""
        return next(iter(self.pending), self.number)

    @property
    def issued(self) -> int:
        """Distinct networks that have a number."""
        return len(self.known.numbers)

    @property
    def may_propose(self) -> bool:
        return not self.is_barren and (self.most is None or self.issued < self.most)

    @property
    def is_barren(self) -> bool:
        return self.barren >= BARREN

    @property
    def may_ask(self) -> bool:
        awaited = self.number if self.is_learning else self.horizon(self.number)
        return self.settled >= awaited and not (self.is_barren and self.is_climbed)

    @property
    def is_learning(self) -> bool:
        """A supernet is trained before anything else; a step of it waits for the one before."""
        return self.check is not None and self.check.is_learning

    @property
    def is_climbed(self) -> bool:
        """Nobody is left who could be promoted, whatever is waited for."""
        return self.rungs is None or not (self.pending or self.rungs.climb(self.number))

    @property
    def generation(self) -> int:
        return self.algorithm.population if self.is_generational else 0

    def horizon(self, position: int) -> int:
        return self.history([], []).horizon(position)

    def known_from(self, last: int) -> int:
        """The first position that may see what was accepted at this one."""
        position = last + 1
        while self.horizon(position) <= last:
            position += 1
        return position

    def restore(self, accepted: Ordered[Evaluated | StepDone]) -> None:
        """Goes on after these; what was asked behind the last of them will be asked again."""
        for result in accepted:
            position = result.at if isinstance(result, Evaluated) else result.number
            self.append(result)
            if self.may_propose:  # positions between two results brought nothing new
                asked = [each for each in range(self.number, position) if not self.waits(each)]
                self.barren += len(asked)
                self.asked.extend(asked)
            if result.kind != KIND if isinstance(result, StepDone) else result.position < 0:
                self.asked.append(position)
            if isinstance(result, Evaluated) and result.position < 0:
                self.known.add(result.fingerprint, result.number)
                self.barren = 0
            self.number = self.busy = position + 1

    def ask(self) -> Asked:
        """Returns what is to be done at the next position: a promotion that is due goes before anything new."""
        position, self.number = self.number, self.number + 1
        if self.check and self.is_learning:
            self.busy = self.number
            self.pending[position] = learning = StepAsked(position, self.check.step)
            return learning
        climb = self.rungs.climb(self.horizon(position)) if self.rungs else None
        if self.rungs and climb:
            self.busy = self.number
            self.rungs.issued(climb.member.number, climb.fidelity)
            self.pending[position] = promotion = Promotion(position, climb.member, climb.fidelity, climb.reason)
            return promotion
        if not self.may_propose or self.waits(position):
            return Idle(position)
        self.busy, self.heard = self.number, position
        self.asked.append(position)
        return self.propose(position)

    def waits(self, position: int) -> bool:
        """Enough networks are on trial: nothing new before the verdict, which decides on which rung it enters."""
        return self.check is not None and position < self.check.end and self.issued >= self.check.networks

    def entered(self, position: int) -> int:
        """The fidelity of a network that is new at a position."""
        if self.rungs is None:
            return 0
        return self.rungs.rungs[1 if self.check and self.check.is_lost else 0].fidelity

    def ask_finally(self, member: Evaluated, fidelity: int, reason: str) -> Promotion:
        """Places behind the search, for the full training of its front."""
        position = self.busy
        self.number = self.busy = position + 1
        self.pending[position] = promotion = Promotion(position, member, fidelity, reason)
        return promotion

    def propose(self, number: int) -> Asked:
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
            number,
            proposal.genotype,
            fingerprint,
            proposal.parents,
            proposal.change,
            proposal.refused,
            self.entered(number),
        )
        self.pending[number] = candidate
        return candidate

    def last_asked(self, end: int) -> int | None:
        """The newest position before this one at which the algorithm was asked, and so has learned what it may see.

        After a stop it may not have been asked anything yet: then it is asked once more, which changes nothing.
        """
        index = bisect_left(self.asked, end)
        if not index:
            return None
        position = self.asked[index - 1]
        if self.heard < position:
            self.algorithm.ask(position, self.seen_by(position))
        return position

    def seen_by(self, number: int) -> History:
        """Returns what the job at this position may know."""
        steps = self.steps[: bisect_left(self.steps, self.horizon(number), key=lambda step: step.number)]
        below = self.history([], []).evaluations_below(number)
        return self.history(self.comparable(self.below(below)), steps)

    def all_seen(self) -> History:
        """All that was accepted, but for what is on trial."""
        evaluated = [] if self.check and not self.check.verdict else self.comparable(self.evaluated)
        return self.history(evaluated, list(self.steps))

    def comparable(self, evaluated: Ordered[Evaluated]) -> list[Evaluated]:
        """Returns results of one fidelity: a supernet's scores and measured accuracies are never seen together."""
        return self.check.measured(evaluated) if self.check and self.check.is_lost else list(evaluated)

    def history(self, evaluated: Ordered[Evaluated], steps: Ordered[StepDone]) -> History:
        blind = self.check.end if self.check else 0
        return History(self.problem, evaluated, self.known, self.lag, steps, self.generation, blind)

    def below(self, number: int) -> list[Evaluated]:
        return self.evaluated[: bisect_left(self._numbers, number)]

    def accept(self, result: Evaluated | StepDone) -> None:
        """Accepts the result of the lowest pending position; a later one has to wait, so that no decision sees it
        early.

        Raises ValueError for any other position.
        """
        position = result.at if isinstance(result, Evaluated) else result.number
        if position != self.settled:
            raise ValueError(f"number {self.settled} has to be accepted next, not {position}")
        del self.pending[position]
        self.append(result)

    def append(self, result: Evaluated | StepDone) -> None:
        if isinstance(result, StepDone):
            if self.check and result.kind == KIND:
                self.check.enter(result, self.known_from)
            else:
                self.steps.append(result)
            return
        if self.rungs:
            self.rungs.enter(result)
        if self.check:
            self.check.enter(result, self.known_from)
        if result.position < 0:
            self.evaluated.append(result)
            self._numbers.append(result.number)

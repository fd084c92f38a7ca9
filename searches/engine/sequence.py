"""One sequence of numbers, one lag: what may be asked when, and who may see which result."""

from bisect import bisect_left
from collections.abc import Sequence as Ordered
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from searches.algorithms.algorithm import Algorithm, Evaluated, Genotype, History, Problem, Step, StepDone
from searches.engine.ladder import Rungs
from searches.engine.supernet_check import KIND, Trial

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
    """A network that is measured once more, at a higher fidelity; it takes a place and keeps its number."""

    place: int
    member: Evaluated
    fidelity: int
    reason: str
    refused: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return self.member.number


@dataclass(frozen=True)
class Idle:
    """A place at which nothing was to be done: what stands before it is waited for."""

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
    """Numbers jobs. Asking at a place waits until every place below its horizon is settled, and shows those only.

    The horizon of place n is n - lag; in a generational search it is the first place of its generation.
    """

    def __init__(
        self,
        problem: Identified,
        algorithm: Algorithm,
        lag: int,
        *,
        rungs: Rungs | None = None,
        trial: Trial | None = None,  # of a supernet as the first of the rungs
        is_generational: bool = False,
        most: int | None = None,  # networks; then there are promotions only
    ) -> None:
        self.problem = problem
        self.algorithm = algorithm
        self.lag = lag
        self.rungs = rungs
        self.trial = trial
        self.is_generational = is_generational
        self.most = most
        self.number = 0  # the next place to be asked
        self.asked: list[int] = []  # places at which the algorithm was asked, those before a stop included
        self.heard = -1  # the newest of them since then
        self.busy = 0  # behind the last place at which something was done
        self.barren = 0
        self.evaluated: list[Evaluated] = []  # accepted on the first rung, in order
        self.steps: list[StepDone] = []  # accepted, in order
        self.pending: dict[int, Pending] = {}  # asked, without a result; in order of their places
        self.known = Known(problem)
        self._numbers: list[int] = []

    @property
    def settled(self) -> int:
        """Every place below it has its result, or never needed one."""
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
        return self.trial is not None and self.trial.is_learning

    @property
    def is_climbed(self) -> bool:
        """Nobody is left who could be promoted, whatever is waited for."""
        return self.rungs is None or not (self.pending or self.rungs.climb(self.number))

    @property
    def generation(self) -> int:
        return self.algorithm.population if self.is_generational else 0

    def horizon(self, place: int) -> int:
        return self.history([], []).horizon(place)

    def known_from(self, last: int) -> int:
        """The first place that may see what was accepted at this one."""
        place = last + 1
        while self.horizon(place) <= last:
            place += 1
        return place

    def restore(self, accepted: Ordered[Evaluated | StepDone]) -> None:
        """Goes on after these; what was asked behind the last of them will be asked again."""
        for result in accepted:
            place = result.at if isinstance(result, Evaluated) else result.number
            self.append(result)
            if self.may_propose:  # places between two results brought nothing new
                asked = [each for each in range(self.number, place) if not self.waits(each)]
                self.barren += len(asked)
                self.asked.extend(asked)
            if result.kind != KIND if isinstance(result, StepDone) else result.place < 0:
                self.asked.append(place)
            if isinstance(result, Evaluated) and result.place < 0:
                self.known.add(result.fingerprint, result.number)
                self.barren = 0
            self.number = self.busy = place + 1

    def ask(self) -> Asked:
        """What is to be done at the next place: a promotion that is due goes before anything new."""
        place, self.number = self.number, self.number + 1
        if self.trial and self.is_learning:
            self.busy = self.number
            self.pending[place] = learning = StepAsked(place, self.trial.step)
            return learning
        climb = self.rungs.climb(self.horizon(place)) if self.rungs else None
        if self.rungs and climb:
            self.busy = self.number
            self.rungs.issued(climb.member.number, climb.fidelity)
            self.pending[place] = promotion = Promotion(place, climb.member, climb.fidelity, climb.reason)
            return promotion
        if not self.may_propose or self.waits(place):
            return Idle(place)
        self.busy, self.heard = self.number, place
        self.asked.append(place)
        return self.propose(place)

    def waits(self, place: int) -> bool:
        """Enough networks are on trial: nothing new before the verdict, which decides on which rung it enters."""
        return self.trial is not None and place < self.trial.end and self.issued >= self.trial.networks

    def entered(self, place: int) -> int:
        """The fidelity of a network that is new at a place."""
        if self.rungs is None:
            return 0
        return self.rungs.rungs[1 if self.trial and self.trial.is_lost else 0].fidelity

    def ask_finally(self, member: Evaluated, fidelity: int, reason: str) -> Promotion:
        """Places behind the search, for the full training of its front."""
        place = self.busy
        self.number = self.busy = place + 1
        self.pending[place] = promotion = Promotion(place, member, fidelity, reason)
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
        """The newest place before this one at which the algorithm was asked, and so has learned what it may see.

        After a stop it may not have been asked anything yet: then it is asked once more, which changes nothing.
        """
        index = bisect_left(self.asked, end)
        if not index:
            return None
        place = self.asked[index - 1]
        if self.heard < place:
            self.algorithm.ask(place, self.seen_by(place))
        return place

    def seen_by(self, number: int) -> History:
        """What the job at this place may know."""
        steps = self.steps[: bisect_left(self.steps, self.horizon(number), key=lambda step: step.number)]
        below = self.history([], []).evaluations_below(number)
        return self.history(self.comparable(self.below(below)), steps)

    def all_seen(self) -> History:
        """All that was accepted, but for what is on trial."""
        evaluated = [] if self.trial and not self.trial.verdict else self.comparable(self.evaluated)
        return self.history(evaluated, list(self.steps))

    def comparable(self, evaluated: Ordered[Evaluated]) -> list[Evaluated]:
        """Of one fidelity: a supernet's scores and measured accuracies are never seen together."""
        return self.trial.measured(evaluated) if self.trial and self.trial.is_lost else list(evaluated)

    def history(self, evaluated: Ordered[Evaluated], steps: Ordered[StepDone]) -> History:
        blind = self.trial.end if self.trial else 0
        return History(self.problem, evaluated, self.known, self.lag, steps, self.generation, blind)

    def below(self, number: int) -> list[Evaluated]:
        return self.evaluated[: bisect_left(self._numbers, number)]

    def accept(self, result: Evaluated | StepDone) -> None:
        """The result of the lowest pending place: a later one has to wait, so that no decision sees it early."""
        place = result.at if isinstance(result, Evaluated) else result.number
        if place != self.settled:
            raise ValueError(f"number {self.settled} has to be accepted next, not {place}")
        del self.pending[place]
        self.append(result)

    def append(self, result: Evaluated | StepDone) -> None:
        if isinstance(result, StepDone):
            if self.trial and result.kind == KIND:
                self.trial.enter(result, self.known_from)
            else:
                self.steps.append(result)
            return
        if self.rungs:
            self.rungs.enter(result)
        if self.trial:
            self.trial.enter(result, self.known_from)
        if result.place < 0:
            self.evaluated.append(result)
            self._numbers.append(result.number)

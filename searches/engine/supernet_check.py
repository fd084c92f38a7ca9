"""Checks a supernet's order: the first networks stand on two rungs, and the two orders are compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from sys import maxsize

from searches.algorithms.algorithm import Evaluated, Step, StepDone
from searches.evaluation.fidelity import SUPERNET
from searches.evaluation.rank_correlation import LEVEL, agreement
from searches.spec import SearchSpec

KIND = "single_path"  # of the steps that train the supernet
TRUSTED_ABOVE = 0.0  # the lower end of the interval
LEAST = 4  # networks with both results
SKIPPED = "The supernet is not trusted and its rung is skipped"


@dataclass(frozen=True)
class Verdict:
    """The supernet's rung is used, or skipped, from this position on."""

    position: int
    is_trusted: bool
    networks: int
    tau: float | None
    low: float | None
    high: float | None
    reason: str


@dataclass
class SupernetCheck:
    """Fed with accepted results in their order, so that its verdict is a function of the sequence."""

    step: Step  # trains the supernet; it is asked until one says that all is done
    networks: int
    accuracy: int  # its position among the losses
    fidelity: int  # epochs of the rung that the supernet is held against
    seed: int

    newest: StepDone | None = field(default=None, init=False)
    scored: list[Evaluated] = field(default_factory=list, init=False)
    trained: dict[int, Evaluated] = field(default_factory=dict, init=False)
    verdict: Verdict | None = field(default=None, init=False)

    @property
    def is_learning(self) -> bool:
        return self.newest is None or not (self.newest.reason or self.newest.report["is_done"])

    @property
    def end(self) -> int:
        """The first position at which the verdict is known."""
        return self.verdict.position if self.verdict else maxsize

    @property
    def is_lost(self) -> bool:
        return self.verdict is not None and not self.verdict.is_trusted

    def enter(self, result: Evaluated | StepDone, known_from: Callable[[int], int]) -> None:
        """``known_from`` says which position is the first that may see what was accepted at another one."""
        if self.verdict:
            return
        if isinstance(result, StepDone):
            self.newest = result
            if result.reason:
                self.verdict = self.skipped(known_from(result.number), 0, f"its training failed: {result.reason}")
        elif result.position < 0:
            self.scored.append(result)
        elif result.fidelity == self.fidelity:
            self.trained[result.number] = result
            if len(self.trained) == self.networks:
                self.verdict = self.judged(known_from(result.at))

    def judged(self, position: int) -> Verdict:
        pairs = [(self.score(each), self.score(self.trained[each.number])) for each in self.scored]
        both = [(one, other) for one, other in pairs if one is not None and other is not None]
        if len(both) < LEAST:
            return self.skipped(position, len(both), f"only {len(both)} networks have both results")
        scores, truths = zip(*both, strict=True)
        found = agreement(scores, truths, Random(f"{self.seed}/trial"))
        if found is None:
            return self.skipped(position, len(both), "one of the two gives all networks the same result")
        is_trusted = found.low > TRUSTED_ABOVE
        interval = f"{100 * LEVEL:.0f} % interval {found.low:.2f} to {found.high:.2f}"
        told = f"Kendall's tau {found.tau:.2f} ({interval}) with training at {self.fidelity} epochs"
        begin = "The supernet is trusted" if is_trusted else SKIPPED
        reason = f"{begin}: its order of {len(both)} networks has {told}"
        return Verdict(position, is_trusted, len(both), found.tau, found.low, found.high, reason)

    def skipped(self, position: int, networks: int, reason: str) -> Verdict:
        return Verdict(position, False, networks, None, None, None, f"{SKIPPED}: {reason}")

    def score(self, result: Evaluated) -> float | None:
        """Returns what its rung promotes by in the place of accuracy; None where it failed."""
        return (result.ranks or result.losses)[self.accuracy] if result.losses else None

    def measured(self, evaluated: Sequence[Evaluated]) -> list[Evaluated]:
        """Replaces the supernet's scores of the networks on trial by what their training showed."""
        return [self.trained.get(each.number, each) for each in evaluated]


def supernet_check_of(spec: SearchSpec) -> SupernetCheck | None:
    """Returns the check of the supernet, where it is the first rung."""
    if spec.ladder.proxy != SUPERNET:
        return None
    limits = {name: most for name, most in vars(spec.limits).items() if most is not None}
    options = {"epochs": spec.ladder.supernet_epochs, "limits": limits}
    step = Step(KIND, options, "trains weights that all networks share")
    accuracy = spec.objectives.index("accuracy")
    return SupernetCheck(step, spec.ladder.trial_networks, accuracy, spec.fidelities[1], spec.seed)

"""Progressive refinement: coarse decisions first, then the neighbourhood of the front, narrower from stage to stage.

The coarse stage ties the decisions of a block that have the same choices (all layers of a stage take one operation), so
that few networks show what matters. Each later stage looks at the best results so far: a choice that none of them took
is closed, a decision on which they agree is frozen, and what they take again is opened. Within a stage NSGA-II
proposes; a share of the proposals stays free, so that nothing is closed for good. With a fidelity ladder the best of
every stage climb: more budget and higher fidelity where the front is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from random import Random
from typing import ClassVar

from architectures.options import option
from architectures.spaces import Decision
from searches import algorithms
from searches.algorithms.algorithm import Ballot, Evaluated, Genotype, History, Proposal, Stage
from searches.algorithms.draws import Draft, sampled, settle
from searches.algorithms.nsga2 import Nsga2, position, ranked

LEAST_ELITE = 8  # results that a stage is decided by, at least
WORTHWHILE = 4  # networks in the tied space for each number of the coarse stage, or it is left out
MOST_TOLD = 60  # changes of one stage

Allowed = tuple[tuple[int, ...], ...]  # choices of each decision


@dataclass(frozen=True)
class Plan:
    """What one stage may draw from."""

    stage: Stage
    allowed: Allowed
    ties: tuple[tuple[int, ...], ...] = ()  # decisions that take one common choice


@algorithms.register("progressive")
@dataclass
class Progressive:
    title: ClassVar[str] = "Progressive refinement: coarse first, then the neighbourhood of the front"

    population: int = option(12, "networks that survive each generation", min=2, max=1000)
    coarse: int = option(
        24, "proposals of the coarse first stage", label="length of the first stage", min=2, max=10_000, advanced=True
    )
    length: int = option(
        48, "proposals of each later stage", label="length of later stages", min=2, max=10_000, advanced=True
    )
    elite: float = option(
        0.4, "share of the results whose choices stay open in the next stage", min=0.05, max=1.0, advanced=True
    )
    free: float = option(
        0.5,
        "share of the proposals that no stage restricts",
        label="unrestricted share",
        min=0.0,
        max=1.0,
        advanced=True,
    )

    stage: Stage | None = field(default=None, init=False, repr=False, compare=False)
    _plans: list[Plan] = field(default_factory=list, init=False, repr=False, compare=False)

    @cached_property
    def evolution(self) -> Nsga2:
        return Nsga2(population=self.population)

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def ask(self, number: int, history: History) -> Proposal:
        plan = self.plan(number, history)
        self.stage = plan.stage
        first = self.coarse if self._plans[0].ties else self.population  # nothing tied: nothing coarse to wait for
        parents = self.evolution.parents(history) if number >= first else []

        def draw(random: Random, failed: int) -> Draft:
            is_free = random.random() < self.free
            if len(parents) < 2:
                draft = sampled(random, history)
            else:
                draft = self.evolution.child(parents, random, failed, history)
            return draft if is_free or failed >= LEAST_ELITE else bound(draft, plan, random, history)

        return settle(draw, number, history)

    def index(self, number: int) -> int:
        return 0 if number < self.coarse else 1 + (number - self.coarse) // self.length

    def start(self, index: int) -> int:
        return 0 if index == 0 else self.coarse + (index - 1) * self.length

    def plan(self, number: int, history: History) -> Plan:
        """Returns the plan of the stage that a number is in: decided once, by what its first number may see."""
        while len(self._plans) <= self.index(number):
            index = len(self._plans)
            seen = history.evaluated[: position(history.evaluated, history.evaluations_below(self.start(index)))]
            self._plans.append(self.refined(index, seen, history) if index else self.begin(history))
        return self._plans[self.index(number)]

    def begin(self, history: History) -> Plan:
        decisions = history.problem.space.decisions
        allowed = tuple(tuple(range(len(each.choices))) for each in decisions)
        groups: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for place, decision in enumerate(decisions):
            groups.setdefault((decision.block.partition(".")[0], decision.choices), []).append(place)
        size = prod(len(choices) for _, choices in groups)
        if len(groups) == len(decisions) or size < WORTHWHILE * self.coarse:
            reason = "no decisions could be tied: the whole space is open"
            return Plan(Stage(0, "coarse", reason), allowed)
        ties = tuple(tuple(places) for places in groups.values() if len(places) > 1)
        told = tuple(f"{decisions[places[0]].name} and {len(places) - 1} alike take one choice" for places in ties)
        reason = f"{len(decisions)} decisions are tied to {len(groups)}: {size:,} networks show what matters"
        return Plan(Stage(0, "coarse", reason, told[:MOST_TOLD]), allowed, ties)

    def refined(self, index: int, seen: Sequence[Evaluated], history: History) -> Plan:
        """Refines the plan: what the best results took stays open."""
        space, before = history.problem.space, self._plans[-1]
        best = elite(seen, self.elite)
        if len(best) < LEAST_ELITE:
            reason = f"only {len(best)} results are good enough to learn from: everything is open"
            return Plan(Stage(index, "open", reason), self._plans[0].allowed)
        taken: list[set[int]] = [set() for _ in space.decisions]
        for each in best:
            for place, (choice, is_relevant) in enumerate(
                zip(each.genotype, space.relevant(each.genotype), strict=True)
            ):
                if is_relevant:
                    taken[place].add(choice)
        allowed = tuple(tuple(sorted(choices)) or self._plans[0].allowed[place] for place, choices in enumerate(taken))
        changes = tuple(told(space.decisions, before.allowed, allowed, len(best)))
        left = f"{prod(map(len, allowed)):.3g} of {prod(len(each.choices) for each in space.decisions):.3g} genotypes"
        reason = f"the best {len(best)} of {len(seen)} results leave {left} open"
        return Plan(Stage(index, "refined", reason, changes[:MOST_TOLD]), allowed)

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        return [Ballot("progressive", each.ranking, each.reason) for each in self.evolution.ballots(front, history)]


def elite(seen: Sequence[Evaluated], share: float) -> list[Evaluated]:
    done = [each for each in seen if each.is_feasible]
    ordered = sorted(ranked(done), key=lambda each: (each.key, each.member.number))
    return [each.member for each in ordered[: max(LEAST_ELITE, round(share * len(done)))]]


def bound(draft: Draft, plan: Plan, random: Random, history: History) -> Draft:
    """The draft within its stage: ties are tied, closed choices are replaced by open ones."""
    genotype = list(draft.genotype)
    for places in plan.ties:
        choice = genotype[random.choice(places)]
        for place in places:
            genotype[place] = choice
    for place, allowed in enumerate(plan.allowed):
        if genotype[place] not in allowed:
            genotype[place] = random.choice(allowed)
    canonical: Genotype = history.problem.space.canonical(tuple(genotype))
    if canonical == draft.genotype:
        return draft
    return Draft(canonical, draft.parents, f"{draft.change}; bound by stage {plan.stage.index}")


def told(decisions: Sequence[Decision], before: Allowed, after: Allowed, count: int) -> Iterator[str]:
    """Each decision that was frozen, narrowed or opened, and why."""
    for decision, old, new in zip(decisions, before, after, strict=True):
        closed, opened = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        if len(new) == 1 and len(old) > 1:
            yield f"{decision.name} is frozen at {decision.choices[new[0]]}: all of the best {count} took it"
            continue
        if closed:
            names = ", ".join(decision.choices[choice] for choice in closed)
            yield f"{decision.name} is narrowed: none of the best {count} took {names}"
        if opened:
            names = ", ".join(decision.choices[choice] for choice in opened)
            yield f"{decision.name} is opened: some of the best {count} took {names}"

"""Drawing until a network is new and within the limits."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from searches.algorithms.algorithm import Genotype, History, Proposal

DRAWS = 50  # then the number is given up: near the end of a small space nearly every draw is a duplicate
PATIENCE = 5  # draws that found nothing new before a mutation makes one change more


@dataclass(frozen=True)
class Draft:
    genotype: Genotype
    parents: tuple[int, ...] = ()
    change: str = "drawn at random"


def settle(draw: Callable[[Random, int], Draft], number: int, history: History) -> Proposal:
    """The first draw that is new and breaks no limit; else the first duplicate; else the last refused one.

    ``draw`` receives how many draws failed before it, so that it can reach farther.
    """
    random = Random(f"{history.problem.seed}/{number}")
    refused: list[str] = []
    duplicate: Draft | None = None
    for failed in range(DRAWS):
        draft = draw(random, failed)
        if draft.genotype in history.known:
            duplicate = duplicate or draft
        elif reason := history.problem.refusal(draft.genotype):
            refused.append(reason)
        else:
            return Proposal(draft.genotype, draft.parents, draft.change, tuple(refused))
    settled = duplicate or draft
    is_refused = duplicate is None
    return Proposal(settled.genotype, settled.parents, settled.change, tuple(refused), is_refused)


def sampled(random: Random, history: History) -> Draft:
    return Draft(history.problem.sample(random))


def mutated(draft: Draft, random: Random, history: History, failed: int) -> Draft:
    """One change, and one more for every few draws that found nothing new: the rate adapts to a searched-out region."""
    genotype, changes = draft.genotype, [draft.change] if draft.change else []
    for _ in range(1 + failed // PATIENCE):
        variation = history.problem.space.mutate(genotype, random)
        genotype = variation.genotype
        changes.append(variation.change)
    return Draft(genotype, draft.parents, "; ".join(changes))

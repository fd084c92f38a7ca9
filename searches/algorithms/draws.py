"""Drawing until a network is new and within the limits."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from searches.algorithms.algorithm import Genotype, History, Proposal

DRAWS = 50  # then the number is given up; a space has often fewer new networks than an algorithm has ideas


@dataclass(frozen=True)
class Draft:
    genotype: Genotype
    parents: tuple[int, ...] = ()
    change: str = "drawn at random"


def settle(draw: Callable[[Random], Draft], number: int, history: History) -> Proposal:
    """The first draw that is new and breaks no limit; else the first duplicate; else the last refused one."""
    random = Random(f"{history.problem.seed}/{number}")
    refused: list[str] = []
    duplicate: Draft | None = None
    draft = draw(random)
    for _ in range(DRAWS):
        if draft.genotype in history.proposed:
            duplicate = duplicate or draft
        elif reason := history.problem.refusal(draft.genotype):
            refused.append(reason)
        else:
            return Proposal(draft.genotype, draft.parents, draft.change, tuple(refused))
        draft = draw(random)
    if duplicate is None:
        return Proposal(draft.genotype, draft.parents, draft.change, tuple(refused), is_refused=True)
    return Proposal(duplicate.genotype, duplicate.parents, duplicate.change, tuple(refused))

"""The vote on a front: page, API, engine and command line count it here, so that one front has one answer."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from searches.pareto.choice import Entry, knee

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Vote:
    """The entry that was selected, and the rankings that selected it."""

    chosen: Entry
    rankings: tuple[tuple[int, ...], ...]  # one per voter, of members of the front; empty: the voter abstained
    points: int | None  # of the chosen one; None where all abstained and the knee was taken

    @property
    def ballots(self) -> int:
        return sum(1 for ranking in self.rankings if ranking)


def vote(front: Sequence[Entry], names: Sequence[str], rankings: Sequence[Sequence[int]]) -> Vote:
    """Chooses by the Borda count of the voters' rankings (numbers of candidates, the best first).

    Numbers that are not on the front are skipped. Ties go to the smallest fingerprint. Where every ranking is empty,
    the knee of the front in the objectives ``names`` is taken. Raises ChoiceError for an empty front.
    """
    numbers = {entry["number"] for entry in front}
    kept = tuple(tuple(number for number in ranking if number in numbers) for ranking in rankings)
    points = borda([ranking for ranking in kept if ranking])
    if not points:
        return Vote(knee(front, names), kept, None)
    chosen = min(front, key=lambda entry: (-points.get(entry["number"], 0), entry["fingerprint"]))
    return Vote(chosen, kept, points[chosen["number"]])


def borda(rankings: Sequence[Sequence[T]]) -> dict[T, int]:
    """Counts points by name: of n candidates in a ranking the first gets n - 1 points, the last gets 0."""
    points: dict[T, int] = {}
    for ranking in rankings:
        for position, name in enumerate(ranking):
            points[name] = points.get(name, 0) + len(ranking) - 1 - position
    return points

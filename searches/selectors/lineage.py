"""The lineage of a candidate: its ancestors back to the ones that were drawn at random."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Max

from searches.models import Candidate, SearchRun

ANCESTORS_AT_MOST = 60  # in the drawing; the main line is always whole
WINDOW = 2_000  # candidates of one look backwards
LOOKS_AT_MOST = 8


@dataclass(frozen=True)
class Ancestor:
    """One candidate of the tree."""

    number: int
    parents: Sequence[int]
    change: str
    generation: int | None
    accuracy: float | None


@dataclass(frozen=True)
class Lineage:
    """A candidate with its ancestors; children come after their parents, so that a number gives the order."""

    number: int
    members: Mapping[int, Ancestor]
    is_whole: bool

    @classmethod
    def of(cls, candidate: Candidate) -> "Lineage":
        known, is_whole = ancestors(candidate)
        rows = candidate.run.candidates.filter(number__in=known).annotate(best=Max("evaluations__accuracy"))
        columns = rows.values_list("number", "parents", "change", "generation", "best")
        return cls(candidate.number, {row[0]: Ancestor(*row) for row in columns}, is_whole)

    @cached_property
    def main_line(self) -> list[Ancestor]:
        """Returns the line from the candidate through each first parent to the one that has none."""
        found, number = [], self.number
        while number in self.members:
            member = self.members[number]
            found.append(member)
            if not member.parents:
                break
            number = member.parents[0]
        return found

    @cached_property
    def levels(self) -> dict[int, int]:
        """Returns how many steps each member of the drawing is away from the candidate: the longest way."""
        levels = {self.number: 0}
        for number in sorted(self.members, reverse=True):
            if number in levels:
                for parent in self.members[number].parents:
                    if parent in self.members:
                        levels[parent] = max(levels.get(parent, 0), levels[number] + 1)
        main = {each.number for each in self.main_line}
        nearest = sorted(levels, key=lambda number: (number not in main, levels[number], -number))
        return {number: levels[number] for number in nearest[: max(ANCESTORS_AT_MOST, len(main))]}

    @property
    def count(self) -> int:
        return len(self.members) - 1


def ancestors(candidate: Candidate) -> tuple[set[int], bool]:
    """Numbers of all ancestors and of the candidate itself; the run is read backwards, a window at a time."""
    found, wanted, top = {candidate.number}, set(candidate.parents), candidate.number
    for _ in range(LOOKS_AT_MOST):
        if not wanted:
            return found, True
        bottom = max(0, max(wanted) - WINDOW + 1)
        for number, parents in parents_between(candidate.run, bottom, top):
            if number in wanted:
                wanted.discard(number)
                found.add(number)
                wanted |= {parent for parent in parents if parent not in found}
        top = bottom
        wanted = {number for number in wanted if number < bottom}  # the others are not there any more
    return found, not wanted


def parents_between(run: SearchRun, bottom: int, top: int) -> list[tuple[int, list[int]]]:
    """The newest first."""
    rows = run.candidates.filter(number__gte=bottom, number__lt=top).order_by("-number")
    return list(rows.values_list("number", "parents"))

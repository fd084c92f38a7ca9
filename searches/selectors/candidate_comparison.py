"""Two to six candidates side by side: figures, the best of each row, drawings, curves, and the trade in a sentence."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from django.utils.safestring import SafeString

from profiling import targets
from searches.formatting import figure
from searches.models import Candidate
from searches.selectors.candidate import Architecture, ProfiledBlock, highlighted_difference
from searches.selectors.metrics import Measure, as_told, value_of


@dataclass(frozen=True)
class Cell:
    """A figure of one candidate in a row of the comparison."""

    value: float | None
    is_best: bool
    is_modelled: bool


@dataclass(frozen=True)
class Row:
    """One measure over all candidates."""

    measure: Measure
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        return len({cell.value for cell in self.cells}) > 1


@dataclass(frozen=True)
class Comparison:
    """The candidates in the order in which they were asked for."""

    architectures: tuple[Architecture, ...]
    measures: tuple[Measure, ...]

    @classmethod
    def of(cls, candidates: Sequence[Candidate], measures: tuple[Measure, ...]) -> "Comparison":
        return cls(tuple(Architecture.of(candidate) for candidate in candidates), measures)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        return tuple(self._row(measure) for measure in self.measures)

    def _row(self, measure: Measure) -> Row:
        values = [value_of(each.candidate, each.values, measure.name) for each in self.architectures]
        known = [value for value in values if value is not None]
        differs = len(set(known)) > 1
        best = (max(known) if measure.direction == "maximise" else min(known)) if known else None
        told = [as_told(measure, each.timing).modelled for each in self.architectures]
        cells = zip(values, told, strict=True)
        return Row(measure, tuple(Cell(value, differs and value == best, modelled) for value, modelled in cells))

    @property
    def target_title(self) -> str:
        """Returns what the latency block by block is modelled for."""
        return targets.create(self.architectures[0].candidate.run.spec["target"]).title

    @property
    def drawings(self) -> list[tuple[Candidate, SafeString]]:
        """Each against the first one: unlike blocks are marked."""
        first = self.architectures[0].graph
        return [
            (each.candidate, each.drawn(compare_to=first if index else None))
            for index, each in enumerate(self.architectures)
        ]

    @property
    def curves(self) -> list[tuple[str, Any]]:
        return [curve for each in self.architectures for curve in each.curves]

    @property
    def sentences(self) -> list[str]:
        """Returns what each one costs and gives against the one before it, as pairs in order of accuracy."""
        judged = [each for each in self.architectures if "accuracy" in each.values]
        judged.sort(key=lambda each: each.values["accuracy"])
        return [self._trade(less, more) for less, more in pairwise(judged)]

    def _trade(self, less: Architecture, more: Architecture) -> str:
        """`From #2 to #0: +1.9 % accuracy costs 0.22 ms latency and saves 4 KB peak activation memory.`"""
        gain = more.values["accuracy"] - less.values["accuracy"]
        differences = [self._difference(measure, less, more) for measure in self.measures if measure.name != "accuracy"]
        found = {kind: " and ".join(text for each, text in differences if each == kind) for kind in ("costs", "saves")}
        trade = " and ".join(f"{kind} {text}" for kind, text in found.items() if text) or "costs nothing"
        what = f"+{gain * 100:.1f} % accuracy" if gain else "the same accuracy"
        return f"From #{less.candidate.number} to #{more.candidate.number}: {what} {trade}."

    def _difference(self, measure: Measure, less: Architecture, more: Architecture) -> tuple[str, str]:
        before = value_of(less.candidate, less.values, measure.name)
        after = value_of(more.candidate, more.values, measure.name)
        if before is None or after is None or before == after or not measure.is_objective:
            return "", ""
        is_worse = (after > before) == (measure.direction == "minimise")
        is_modelled = any(as_told(measure, each.timing).modelled for each in (less, more))
        words = f"{'≈ ' if is_modelled else ''}{figure(abs(after - before), measure.unit)} {measure.noun}"
        return "costs" if is_worse else "saves", words

    @property
    def standing(self) -> list[tuple[str, list[tuple[str, float]]]]:
        """Returns, for the radar, each candidate with its share of the best of these in every measure."""
        found = []
        for index, each in enumerate(self.architectures):
            shares = [(row.measure.short, _share(row, index)) for row in self.rows]
            found.append(
                (f"#{each.candidate.number}", [(title, share) for title, share in shares if share is not None])
            )
        return found

    @property
    def profiles(self) -> list[tuple[str, tuple[ProfiledBlock, ...]]]:
        return [(f"#{each.candidate.number}", each.blocks) for each in self.architectures]

    @property
    def code_differences(self) -> list[tuple[str, SafeString]]:
        """Returns how the model.py of each further one differs from the first one's."""
        first, *others = self.architectures
        before = first.source.splitlines(keepends=True)
        found = []
        for each in others:
            old, new = (f"model.py of #{one.candidate.number}" for one in (first, each))
            text = "".join(difflib.unified_diff(before, each.source.splitlines(keepends=True), old, new, n=2))
            if text:
                found.append((f"#{first.candidate.number} → #{each.candidate.number}", highlighted_difference(text)))
        return found


def _share(row: Row, index: int) -> float | None:
    """Returns the share of the best: its value by the best for a gain, the best by its value for a cost."""
    known = [cell.value for cell in row.cells if cell.value is not None]
    mine = row.cells[index].value
    if len(known) < len(row.cells) or not mine or mine < 0:
        return None
    return mine / max(known) if row.measure.direction == "maximise" else min(known) / mine

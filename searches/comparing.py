"""Two to six candidates side by side: figures, the best of each row, drawings, curves, and the trade in a sentence."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from django.utils.safestring import SafeString

from searches.architecture import Architecture, highlighted_difference
from searches.measures import Measure, value_of
from searches.models import Candidate
from searches.templatetags.figures import figure


@dataclass(frozen=True)
class Cell:
    """A figure of one candidate in a row of the comparison."""

    value: float | None
    is_best: bool


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
        return Row(measure, tuple(Cell(value, differs and value == best) for value in values))

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
        """What each one costs and gives against the one before it, as pairs in order of accuracy."""
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
        return "costs" if is_worse else "saves", f"{figure(abs(after - before), measure.unit)} {measure.noun}"

    @property
    def code_difference(self) -> SafeString | None:
        """Of exactly two: how their model.py differ."""
        if len(self.architectures) != 2:
            return None
        before, after = (each.source.splitlines(keepends=True) for each in self.architectures)
        old, new = (f"model.py of #{each.candidate.number}" for each in self.architectures)
        text = "".join(difflib.unified_diff(before, after, old, new, n=2))
        return highlighted_difference(text) if text else None

"""The fronts of several runs against each other: what all of them measured, and one reference point for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from searches import objectives, pareto
from searches.models import SearchRun
from searches.selectors.metrics import Measure, measure
from searches.selectors.selection import complete, front_of

MARGIN = 0.1  # of the spread: how far behind the worst point the reference point lies
POINTS_AT_MOST = 500  # of one front in the plot


@dataclass(frozen=True)
class Row:
    """One run in the table."""

    run: SearchRun
    front: Sequence[dict[str, Any]]
    share: float | None  # of the box between the best of all and the reference point
    alone: int  # members of its front that no other run's front dominates
    best: Sequence[tuple[Measure, float | None, bool]]  # with whether it is the best of all runs


@dataclass(frozen=True)
class RunComparison:
    """The runs in the order in which they were asked for."""

    runs: tuple[SearchRun, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The objectives that all of them have, as the first one orders them."""
        others = [set(run.spec["objectives"]) for run in self.runs[1:]]
        return tuple(name for name in self.runs[0].spec["objectives"] if all(name in other for other in others))

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        everything = dict.fromkeys(name for run in self.runs for name in run.spec["objectives"])
        return tuple(name for name in everything if name not in self.names)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        return tuple(measure(name, True, self.runs[0].spec["target"]) for name in self.names)

    def measures_for(self, run: SearchRun) -> list[Measure]:
        """Returns the measures; what is measured on one run's target may be modelled for another's."""
        return [measure(name, True, run.spec["target"]) for name in self.names]

    @property
    def warnings(self) -> list[str]:
        """Says why figures of these runs do not compare as they stand."""
        found = []
        for what, word in (("dataset", "datasets"), ("target", "targets")):
            values = dict.fromkeys(str(run.spec[what]) for run in self.runs)
            if len(values) > 1:
                found.append(f"They have different {word} ({', '.join(values)}): their figures cannot be compared.")
        if self.left_out:
            found.append(f"Only objectives that all runs have are compared; left out: {', '.join(self.left_out)}.")
        return found

    @cached_property
    def fronts(self) -> list[list[dict[str, Any]]]:
        """Each run's front, by the objectives that all have: some of its members may be dominated then."""
        found = []
        for run in self.runs:
            entries = complete(front_of(run), self.names)
            kept = pareto.front([objectives.losses(self.names, entry["values"]) for entry in entries])
            found.append([dict(entries[index]) for index in kept])
        return found

    @cached_property
    def losses(self) -> list[list[tuple[float, ...]]]:
        return [[objectives.losses(self.names, entry["values"]) for entry in front] for front in self.fronts]

    @property
    def rows(self) -> list[Row]:
        shares = self.shares()
        best = [self._best(name) for name in self.names]
        return [
            Row(run, front, share, self._alone(index), self._figures(run, front, best))
            for index, (run, front, share) in enumerate(zip(self.runs, self.fronts, shares, strict=True))
        ]

    def shares(self) -> list[float | None]:
        """Hypervolume as a share of the box that all points together span."""
        points = [point for losses in self.losses for point in losses]
        if not points:
            return [None] * len(self.runs)
        columns = list(zip(*points, strict=True))
        ideal = [min(column) for column in columns]
        spread = [max(column) - low or abs(low) or 1.0 for column, low in zip(columns, ideal, strict=True)]
        reference = [low + (1 + MARGIN) * wide for low, wide in zip(ideal, spread, strict=True)]
        return [pareto.share(each, ideal, reference) for each in self.losses]

    def _best(self, name: str) -> float | None:
        known = [entry["values"][name] for front in self.fronts for entry in front]
        return min(known, key=lambda value: objectives.loss(name, value)) if known else None

    def _figures(
        self, run: SearchRun, front: Sequence[dict[str, Any]], best: Sequence[float | None]
    ) -> list[tuple[Measure, float | None, bool]]:
        found = []
        for each, record in zip(self.measures_for(run), best, strict=True):
            values = [entry["values"][each.name] for entry in front]
            mine = min(values, key=lambda value: objectives.loss(each.name, value)) if values else None
            found.append((each, mine, mine is not None and mine == record and len(self.runs) > 1))
        return found

    def _alone(self, index: int) -> int:
        """Returns how many of its members stay on the front of all runs together."""
        everything = [point for losses in self.losses for point in losses]
        kept = set(pareto.front(everything))
        before = sum(len(losses) for losses in self.losses[:index])
        return sum(place in kept for place in range(before, before + len(self.losses[index])))

    @property
    def plot(self) -> list[dict[str, Any]]:
        """The fronts and the curves of hypervolume as the plots draw them."""
        return [
            {
                "id": run.pk,
                "name": run.name,
                "points": [{"number": each["number"], "values": each["values"]} for each in front[:POINTS_AT_MOST]],
                "total": len(front),
                "modelled": [each.name for each in self.measures_for(run) if each.modelled],
                "curve": list(run.generations.order_by("number").values_list("evaluated", "hypervolume")),
            }
            for run, front in zip(self.runs, self.fronts, strict=True)
        ]

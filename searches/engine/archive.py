"""The accepted results of a search as its objectives see them: front, hypervolume, best and mean."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from architectures.spaces.limits import Limits
from searches import objectives, pareto
from searches.algorithms.algorithm import Evaluated
from searches.evaluation.fidelity import PROXY_FIDELITY, TRAINING_LOSS

MARGIN = 1.1  # of the worst first value, where nothing else bounds an objective


class Archive:
    """Values by number and fidelity, beside what algorithms see of them."""

    def __init__(self, names: Sequence[str], limits: Limits, proxy: str = "") -> None:
        self.names = tuple(names)
        self.limits = limits
        self.proxy = proxy
        self.values: dict[tuple[int, int], Mapping[str, float]] = {}
        self.reference: tuple[float, ...] | None = None  # as losses

    def evaluated(self, line: Mapping[str, Any]) -> Evaluated:
        """A line of the history as algorithms see it; its values are kept here."""
        number, fidelity, values = line["number"], line["fidelity"], line["values"]
        self.values[number, fidelity] = values
        same = number, tuple(line["genotype"]), line["fingerprint"]
        more = {"fidelity": fidelity, "position": -1 if line.get("place") is None else line["place"]}
        if line["status"] != "done":
            return Evaluated(*same, (), inf, **more)
        if self.proxy and fidelity == PROXY_FIDELITY:
            return Evaluated(*same, self.proxy_losses(values), 0.0, **more)
        ranks = self.promoting_losses(values) if TRAINING_LOSS in values else ()
        return Evaluated(*same, objectives.losses(self.names, values), self.violation(values), **more, ranks=ranks)

    def proxy_losses(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Returns the losses of an untrained network: its score replaces accuracy; limits wait for measured values."""
        return tuple(
            -values[self.proxy] if name == "accuracy" else objectives.loss(name, values[name]) for name in self.names
        )

    def promoting_losses(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """Returns losses for the ladder alone: the training loss replaces accuracy where the ladder promotes by it."""
        return tuple(
            values[TRAINING_LOSS] if name == "accuracy" else objectives.loss(name, values[name]) for name in self.names
        )

    def violation(self, values: Mapping[str, float]) -> float:
        """Returns how far measured values are beyond their limits: the sum of the shares."""
        total = 0.0
        for name in self.names:
            field = objectives.get(name).limit
            most = getattr(self.limits, field) if field else None
            if most is not None:
                total += max(0.0, values[name] / most - 1)
        return total

    def front(self, evaluated: Sequence[Evaluated]) -> list[Evaluated]:
        """Those that keep the limits and that no other of them dominates, in the order of their numbers."""
        feasible = [each for each in evaluated if each.is_feasible]
        return [feasible[index] for index in pareto.front([each.losses for each in feasible])]

    def fix_reference(self, evaluated: Sequence[Evaluated]) -> None:
        """Fixed once, by the first generation that has a feasible member: a moving one would let volumes fall."""
        feasible = [each.losses for each in evaluated if each.is_feasible]
        if self.reference is None and feasible:
            columns = zip(*feasible, strict=True)
            self.reference = tuple(
                self.bound(name, max(column)) for name, column in zip(self.names, columns, strict=True)
            )

    def bound(self, name: str, worst_seen: float) -> float:
        """The loss at the reference point: the objective's own bound, the spec's limit, or what was seen first."""
        objective = objectives.get(name)
        if objective.worst is not None:
            return objectives.loss(name, objective.worst)
        limit = getattr(self.limits, objective.limit) if objective.limit else None
        if limit is not None:
            return float(limit)
        return MARGIN * worst_seen if worst_seen > 0 else 1.0

    def hypervolume(self, front: Sequence[Evaluated]) -> float:
        """Returns the hypervolume as a share: each objective is scaled, its ideal to 0, the reference point to 1."""
        if self.reference is None or not front:
            return 0.0
        return pareto.share([each.losses for each in front], objectives.ideal_losses(self.names), self.reference)

    def reference_point(self) -> list[float] | None:
        """Returns the reference point in the objectives' own units, in their order."""
        if self.reference is None:
            return None
        return [objectives.loss(name, bound) + 0.0 for name, bound in zip(self.names, self.reference, strict=True)]

    def best(self, evaluated: Sequence[Evaluated]) -> dict[str, float]:
        columns = self.columns(evaluated)
        choose = {name: max if objectives.get(name).direction == "maximise" else min for name in columns}
        return {name: choose[name](column) for name, column in columns.items()}

    def mean(self, evaluated: Sequence[Evaluated]) -> dict[str, float]:
        return {name: sum(column) / len(column) for name, column in self.columns(evaluated).items()}

    def columns(self, evaluated: Sequence[Evaluated]) -> dict[str, list[float]]:
        done = [self.values[each.number, each.fidelity] for each in evaluated if each.losses]
        return {name: [values[name] for values in done] for name in self.names} if done else {}

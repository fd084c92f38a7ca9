"""The figures of a candidate as pages show them: the run's objectives first, then what is counted on every graph."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

from profiling.meters.origin import is_modelled
from searches import objectives
from searches.models import Candidate

COUNTED = ("params", "flops", "memory")


@dataclass(frozen=True)
class Measure:
    """A column of tables and an axis of plots."""

    name: str
    title: str
    noun: str  # the title within a sentence, without its conditions
    unit: str  # "%" for shares, "B" for bytes, else the objective's own
    direction: str
    modelled: bool  # an estimate: shown with ≈
    is_objective: bool

    @property
    def short(self) -> str:
        """The head of a narrow column: Accuracy, Latency, FLOPs."""
        return self.title if self.title.lower() == self.name else self.name.capitalize()

    def to_document(self) -> dict[str, Any]:
        return asdict(self) | {"short": self.short}


def measures_of(spec: Mapping[str, Any]) -> tuple[Measure, ...]:
    """The columns of a run with this spec. Without accuracy nothing can be judged, so it is always among them."""
    chosen = tuple(spec["objectives"])
    names = dict.fromkeys((*chosen, "accuracy", *COUNTED))
    return tuple(measure(name, name in chosen, spec["target"]) for name in names)


def measure(name: str, is_objective: bool, target: str) -> Measure:
    objective = objectives.get(name)
    title = objective.title[:1].upper() + objective.title[1:]
    is_estimate = is_modelled(objective.measured_as, target)
    return Measure(name, title, noun_of(name), objective.display_unit(), objective.direction, is_estimate, is_objective)


def noun_of(name: str) -> str:
    """`latency, batch 1` → `latency`."""
    return objectives.get(name).title.partition(",")[0]


def value_of(candidate: Candidate, values: Mapping[str, float], name: str) -> float | None:
    """Returns a measure's value: what was measured comes with the evaluation, what was counted with the graph."""
    counted = {"params": candidate.params, "flops": 2 * candidate.macs, "memory": candidate.memory_bytes}
    return values.get(name, counted.get(name))


def figures_of(
    candidate: Candidate,
    values: Mapping[str, float],
    measures: Sequence[Measure],
    timing: Mapping[str, Any] = MappingProxyType({}),
) -> list[tuple[Measure, float | None]]:
    """Each measure with the candidate's value, in the order of the measures.

    ``timing`` says how values came about: one that a model had to give in a device's absence carries ≈, too.
    """
    return [(as_told(measure, timing), value_of(candidate, values, measure.name)) for measure in measures]


def as_told(measure: Measure, timing: Mapping[str, Any]) -> Measure:
    how = timing.get(measure.name)
    return replace(measure, modelled=True) if isinstance(how, Mapping) and how.get("how") == "modelled" else measure

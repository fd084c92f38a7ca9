"""Choosing on the front of a run, for the page: the same functions as the engine and the command line, on the rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from searches import objectives
from searches.measures import noun_of
from searches.models import SearchRun
from searches.pareto import ChoiceError, knee, select_best

Entry = Mapping[str, Any]


def front_of(run: SearchRun) -> list[dict[str, Any]]:
    """The front as `front.json` has it: number, fingerprint and the values of the objectives, by number."""
    rows = run.evaluations.filter(is_on_front=True, status="done").order_by("number", "-fidelity")
    entries: dict[int, dict[str, Any]] = {}
    for number, fingerprint, values, test in rows.values_list("number", "fingerprint", "values", "test_accuracy"):
        chosen = {name: values[name] for name in run.spec["objectives"] if name in values}
        entry = {"number": number, "fingerprint": fingerprint, "values": chosen, "test_accuracy": test}
        entries.setdefault(number, entry)
    return list(entries.values())


def chosen_by(front: Sequence[Entry], weights: Mapping[str, float], names: Sequence[str]) -> Entry:
    """By the weights; without any, the knee."""
    return select_best(front, **weights) if weights else knee(front, names)


def parse_weights(query: Mapping[str, str], names: Sequence[str]) -> dict[str, float]:
    """Weights out of a query; what is not an objective of the run is not a weight."""
    weights = {}
    for name in names:
        if name not in query:
            continue
        try:
            weights[name] = float(query[name])
        except ValueError:
            raise ChoiceError(f"has the weight {name}={query[name][:40]}; a weight must be a number") from None
    return weights


def reasons(front: Sequence[Entry], entry: Entry, names: Sequence[str]) -> list[str]:
    """What is given up and what is gained against the best of each objective, in words."""
    return [against_best(front, entry, name) for name in names if name in entry["values"]]


def against_best(front: Sequence[Entry], entry: Entry, name: str) -> str:
    objective = objectives.get(name)
    values = [each["values"][name] for each in front if name in each["values"]]
    best = max(values) if objective.direction == "maximise" else min(values)
    mine = entry["values"][name]
    if mine == best:
        return f"best {noun_of(name)} of the front"
    if (objective.ideal, objective.worst) == (1.0, 0.0):
        return f"{abs(best - mine) * 100:.1f} % below the best {noun_of(name)}"
    return f"{mine / best:.2g} × the least {noun_of(name)}" if best else f"{noun_of(name)} above the least"

"""How the next candidate is found: each algorithm is one file and answers ``ask(number, history)``."""

from collections.abc import Mapping
from typing import Any

from architectures.registry import Registry
from searches.algorithms.algorithm import Algorithm, Ballot, Evaluated, History, Problem, Proposal, Step, StepDone

registry: Registry[Algorithm] = Registry("algorithm", __name__)
register = registry.register
names = registry.names
get = registry.get


def needs_training(name: str) -> bool:
    """Returns whether it learns by steps on a dataset, so that a table of results is nothing to it."""
    return getattr(get(name), "needs_training", False)


def unfit(name: str, document: Mapping[str, Any] | None) -> str:
    """Says why an algorithm cannot search a problem of this document (None: a table); empty where it can."""
    if document is None:
        return "its steps train on a dataset, and a table has none" if needs_training(name) else ""
    spaces: tuple[str, ...] = getattr(get(name), "spaces", ())
    space = document["space"]["name"]
    return f"it searches {' and '.join(spaces)}, not {space}" if spaces and space not in spaces else ""


__all__ = [
    "Algorithm",
    "Ballot",
    "Evaluated",
    "History",
    "Problem",
    "Proposal",
    "Step",
    "StepDone",
    "get",
    "names",
    "needs_training",
    "register",
    "unfit",
]

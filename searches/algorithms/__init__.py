"""How the next candidate is found: each algorithm is one file and answers ``ask(number, history)``."""

from architectures.registry import Registry
from searches.algorithms.algorithm import Algorithm, Ballot, Evaluated, History, Problem, Proposal, Step, StepDone

registry: Registry[Algorithm] = Registry("algorithm", __name__)
register = registry.register
names = registry.names
get = registry.get


def needs_training(name: str) -> bool:
    """Whether it learns by steps on a data set, so that a table of results is nothing to it."""
    return getattr(get(name), "needs_training", False)


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
]

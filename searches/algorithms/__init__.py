"""How the next candidate is found: each algorithm is one file and answers ``ask(number, history)``."""

from architectures.registry import Registry
from searches.algorithms.algorithm import Algorithm, Ballot, Evaluated, History, Problem, Proposal, Step, StepDone

registry: Registry[Algorithm] = Registry("algorithm", __name__)
register = registry.register
names = registry.names
get = registry.get

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
    "register",
]

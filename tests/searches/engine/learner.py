"""An algorithm for tests whose every third number is a step, and whose proposals tell which steps they saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from searches import algorithms
from searches.algorithms import Ballot, Evaluated, History, Proposal, Step
from searches.algorithms.draws import sampled, settle
from searches.evaluation import steps

STEPS = Path(__file__).parents[2] / "steps"


@dataclass
class Learner:
    title: ClassVar[str] = "Learns by counting"

    population: int = field(default=6, metadata={"min": 1, "max": 100, "help": "numbers in a generation"})
    fails: int = field(default=-1, metadata={"min": -1, "max": 1000, "help": "number of the step that fails"})

    def faults(self) -> Iterator[tuple[str, str]]:
        yield from ()

    def ask(self, number: int, history: History) -> Proposal | Step:
        if number % 3 == 0:
            return Step("counting", {"amount": number, "fails": number == self.fails}, f"counts {number}")
        told = [f"{step.number}:{step.report.get('sum')}{step.reason}" for step in history.steps]
        proposal = settle(lambda random, failed: sampled(random, history), number, history)
        return replace(proposal, change=f"after {', '.join(told) or 'none'}")

    def insight(self, history: History) -> Mapping[str, Any]:
        return {"steps": len(history.steps), "evaluated": len(history.evaluated)}

    def ballots(self, front: Sequence[Evaluated], history: History) -> list[Ballot]:
        return []


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch) -> str:
    """Its name, once it and its step are known."""
    assert algorithms.names()
    monkeypatch.setitem(algorithms.registry._classes, "learner", Learner)
    monkeypatch.setattr(steps, "__path__", [*steps.__path__, str(STEPS)])
    return "learner"

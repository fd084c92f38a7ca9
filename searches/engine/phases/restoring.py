"""The first phase: the search goes on behind its accepted history."""

from collections.abc import Iterator, Mapping
from typing import Any

from searches.algorithms.algorithm import Evaluated, StepDone
from searches.engine import events
from searches.engine.events import Event
from searches.engine.history import HistoryError, is_step, position
from searches.engine.phases.state import SearchState


def restore(state: SearchState) -> Iterator[Event]:
    """Takes over the lines of the history. Raises HistoryError where they are not in their order.

    Their generations were reported, but the last may have been cut off by the kill.
    """
    yield events.SearchStarted(state.header)
    yield events.PhaseChanged("problem")
    if sorted(state.lines, key=position) != state.lines:
        raise HistoryError("the accepted history is not ordered by number")
    searched = [entry for entry in state.lines if not state.is_final(entry)]
    state.numbers.restore([restored(state, entry) for entry in searched])
    if len(searched) < len(state.lines):
        state.searched = state.numbers.busy
        state.numbers.restore([restored(state, entry) for entry in state.lines[len(searched) :]])
    if searched:
        size = state.algorithm.population
        state.generation = position(searched[-1]) // size
        for generation in range(state.generation):
            state.fix_reference((generation + 1) * size)
    yield events.PhaseChanged("space")


def restored(state: SearchState, entry: Mapping[str, Any]) -> Evaluated | StepDone:
    """An accepted line as algorithms see it."""
    if is_step(entry):
        state.dispatch.chains.restore(entry)
        state.budget.steps.append((entry["number"], entry["cost"]))
        return StepDone(entry["number"], entry["step"], entry["report"], entry["reason"], entry["cost"])
    result = state.archive.evaluated(entry)
    state.origins.setdefault(result.number, (entry["parents"], entry["change"]))
    if not state.is_final(entry):
        state.budget.spend(state.problem.cost_at(result.genotype, result.fidelity))
    state.dispatch.weights.keep(state.work(result, result.fidelity, tuple(entry["parents"])), entry.get("files", {}))
    return result

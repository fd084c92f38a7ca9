"""The third phase: the front is trained in full, with several seeds, where the spec asks for it."""

from collections.abc import Iterator

from searches.engine import events
from searches.engine.events import Event, Progress
from searches.engine.ladder import ordered
from searches.engine.output.event_builders import promoted
from searches.engine.phases.accepting import accept_those_in_turn, receive
from searches.engine.phases.state import SearchState
from searches.engine.weights.weight_store import Work


def train_front(state: SearchState) -> Iterator[Event | Progress]:
    """Trains the best of the front to the end; the test split is not touched yet."""
    yield events.PhaseChanged("selection")
    if state.spec.ladder.final_epochs is not None:
        yield from ask_finally(state, state.spec.ladder.final_epochs)
        yield from await_all(state)


def ask_finally(state: SearchState, epochs: int) -> Iterator[Event]:
    seeds = state.spec.ladder.final_seeds
    assert state.searched is not None
    there = {entry["number"] for entry in state.lines if state.is_final(entry)}
    ranked = [member for member, _ in ordered(state.front(state.searched))]
    for member in sorted(ranked[: state.spec.ladder.final_networks], key=lambda each: each.number):
        if member.number not in there:
            asked = state.numbers.ask_finally(member, epochs, f"on the front, trained in full with {seeds} seeds")
            yield promoted(asked)
            state.dispatch.ready.append(Work(member, epochs, seed=seeds - 1))


def await_all(state: SearchState) -> Iterator[Event | Progress]:
    while state.numbers.pending:
        while state.executor.room and state.dispatch.give_out():
            yield from accept_those_in_turn(state)
        if state.numbers.pending:
            yield from receive(state)

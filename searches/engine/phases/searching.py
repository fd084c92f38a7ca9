"""The second phase: the algorithm is asked for as long as the budget lasts, and what it proposes is evaluated."""

import time
from collections.abc import Iterator

from searches.algorithms.algorithm import Staged
from searches.engine import events
from searches.engine.events import Event, Progress
from searches.engine.output.event_builders import promoted, proposed
from searches.engine.phases.accepting import accept_those_in_turn, check_reported, receive
from searches.engine.phases.generations import generations
from searches.engine.phases.state import SearchState
from searches.engine.sequence import BARREN, Asked, Candidate, Duplicate, Promotion, StepAsked
from searches.engine.step_chain import Link
from searches.engine.weights.weight_store import Work


def evaluate_networks(state: SearchState) -> Iterator[Event | Progress]:
    """Searches to the end of the budget, and notes why it ended."""
    yield events.PhaseChanged("search")
    yield from check_reported(state)
    if state.searched is None:
        yield from evaluate_all(state)
        state.searched = state.numbers.busy
    state.reason = reason(state)
    yield from generations(state, through=state.searched, is_last=True)


def evaluate_all(state: SearchState) -> Iterator[Event | Progress]:
    while True:
        yield from ask_while_there_is_room(state)
        if not state.numbers.pending:
            return
        yield from receive(state)


def ask_while_there_is_room(state: SearchState) -> Iterator[Event]:
    while state.executor.room:
        if state.dispatch.give_out():
            yield from accept_those_in_turn(state)  # it may have been in the cache
            continue
        if not state.numbers.may_ask or is_over(state):
            return
        yield from take(state, state.numbers.ask())
        yield from generations(state, through=min(state.numbers.settled, state.numbers.busy))


def is_over(state: SearchState) -> bool:
    """Tells whether nothing more may be asked; the clock is remembered, so that its answer stays."""
    if state.spec.seconds is not None and time.monotonic() - state.started >= state.spec.seconds:
        state.is_out_of_time = True
    is_spent = state.budget.is_spent(state.numbers.horizon(state.numbers.number))
    return state.is_out_of_time or is_spent or (not state.numbers.may_propose and state.numbers.is_climbed)


def reason(state: SearchState) -> str:
    """Says why a search has ended."""
    if len(state.numbers.evaluated) >= state.spec.evaluations:
        return f"all {state.spec.evaluations} evaluations are done"
    if is_over(state) and state.is_out_of_time:
        return f"the time limit of {state.spec.seconds:g} s was reached"
    if state.spec.max_cost is not None and state.numbers.barren < BARREN:
        return f"the compute cost of {state.spec.max_cost:,} multiply-adds was reached"
    return f"{state.numbers.barren} proposals in a row brought no new network within the constraints"


def take(state: SearchState, asked: Asked) -> Iterator[Event]:
    """Reports what stands at a position of the sequence, and makes its job ready."""
    yield from stage_changed(state, asked)
    if asked.refused:
        state.refusal = asked.refused[-1]
        yield events.ProposalRefused(asked.number, asked.refused[-1], len(asked.refused))
    if isinstance(asked, Duplicate):
        yield events.DuplicateProposed(asked.number, asked.fingerprint, asked.of)
    if isinstance(asked, Candidate):
        yield proposed(asked, state.problem.network(asked.genotype), state.algorithm.population)
        give(state, state.work(asked, asked.fidelity, asked.parents))
    if isinstance(asked, Promotion):
        yield promoted(asked)
        give(state, state.work(asked.member, asked.fidelity, ()))
    if isinstance(asked, StepAsked):
        state.dispatch.chains.add(Link(asked.number, asked.step.kind, asked.step.options))


def stage_changed(state: SearchState, asked: Asked) -> Iterator[Event]:
    stage = state.algorithm.stage if isinstance(state.algorithm, Staged) else None
    if stage is not None and stage.index != state.stage:
        state.stage = stage.index
        yield events.StageChanged(stage.index, asked.number, stage.name, stage.reason, stage.changes)


def give(state: SearchState, work: Work) -> None:
    state.budget.spend(state.problem.cost_at(work.member.genotype, work.fidelity))
    state.dispatch.ready.append(work)

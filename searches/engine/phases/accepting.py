"""Results as they come, accepted in the order of their positions; searching and the final training share it."""

from collections.abc import Iterator, Sequence

from searches.algorithms.algorithm import StepDone
from searches.engine import events
from searches.engine.events import EvaluationFinished, Event, Progress, StepFinished
from searches.engine.executors.executor import JobFinished, JobProgressed
from searches.engine.history import line
from searches.engine.output.event_builders import progress, step_finished, supernet_judged
from searches.engine.output.results import judged
from searches.engine.phases.generations import generations
from searches.engine.phases.state import SearchState
from searches.engine.scheduler import STEP
from searches.engine.sequence import Candidate, Promotion, StepAsked
from searches.engine.weights.weight_store import Key

PATIENCE_SECONDS = 0.5  # how long a silent executor is waited for before the clock is looked at again


def receive(state: SearchState) -> Iterator[Event | Progress]:
    """Waits for one message of the executor."""
    message = state.executor.receive(PATIENCE_SECONDS)
    if isinstance(message, JobFinished):
        state.dispatch.arrived(message)
        yield from accept_those_in_turn(state)
    elif isinstance(message, JobProgressed):
        yield progress(message)
    elif message is not None and state.dispatch.is_candidate(message):
        yield events.EvaluationStarted(message.number, message.fidelity)


def accept_those_in_turn(state: SearchState) -> Iterator[Event]:
    """Results in the order of their positions, however they came: a decision must never see one early."""
    while state.numbers.pending:
        asked = state.numbers.pending[state.numbers.settled]
        results = state.dispatch.collect(key_of(asked))
        if not results:
            return
        event = step_finished(asked, results[0]) if isinstance(asked, StepAsked) else finished(state, asked, results)
        state.lines.append(entry := line(event))
        if isinstance(event, StepFinished):
            state.budget.steps.append((event.number, event.cost))
            state.numbers.accept(StepDone(event.number, event.step, entry["report"], event.reason, event.cost))
        else:
            state.numbers.accept(state.archive.evaluated(entry))
        yield event
        yield from check_reported(state)
        yield from generations(state, through=min(state.numbers.settled, state.numbers.busy))


def key_of(asked: Candidate | Promotion | StepAsked) -> Key:
    if isinstance(asked, StepAsked):
        return asked.number, STEP
    return asked.number, asked.fidelity


def finished(state: SearchState, asked: Candidate | Promotion, results: Sequence[JobFinished]) -> EvaluationFinished:
    member, result = (asked.member if isinstance(asked, Promotion) else asked), results[0]
    if isinstance(asked, Candidate):
        state.origins[asked.number] = asked.parents, asked.change
    parents, change = state.origins[asked.number]
    status, reason, values = judged(state.problem, member.genotype, results)
    return EvaluationFinished(
        asked.number,
        result.fidelity,
        member.fingerprint,
        list(member.genotype),
        list(parents),
        change,
        values,
        status,
        reason,
        result.timing,
        result.curve,
        result.files,
        bool(result.timing.get("cached", False)),
        asked.position if isinstance(asked, Promotion) else None,
    )


def check_reported(state: SearchState) -> Iterator[Event]:
    """Reports once what became of the supernet."""
    if state.check and state.check.verdict and not state.is_check_reported:
        state.is_check_reported = True
        yield supernet_judged(state.check.verdict, state.check.fidelity)

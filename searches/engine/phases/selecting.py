"""The last phase: one of the front is chosen by validation values; only then the test split is read."""

from collections.abc import Iterator

from searches.engine import events
from searches.engine.events import Event, Progress
from searches.engine.history import history_sha256
from searches.engine.holdout import tested
from searches.engine.phases.accepting import PATIENCE_SECONDS
from searches.engine.phases.state import SearchState
from searches.engine.selection import choose, why_none

MOST_RANKED = 500  # of a ballot that is reported: its event must fit one line of the pipe


def select(state: SearchState) -> Iterator[Event | Progress]:
    """Chooses, reads the test split for the front alone, and closes the history."""
    front = state.fix_reference(state.numbers.number)
    ballots = state.algorithm.ballots(front, state.numbers.all_seen())
    chosen: int | None = None
    if front:
        chosen, reasons = choose(state.spec, front, state.archive, ballots)
    else:
        reasons = [why_none(state.lines, state.refusal)]
    numbers = [each.number for each in front]
    told = [{"voter": each.voter, "ranking": each.ranking[:MOST_RANKED], "reason": each.reason} for each in ballots]
    fidelity = state.rungs.shown(state.numbers.number).fidelity
    yield events.SelectionFinished(chosen, numbers, state.spec.choose, reasons, told, fidelity)
    yield from tested(front, state.dispatch, PATIENCE_SECONDS)
    yield events.PhaseChanged("code")
    yield search_finished(state)


def search_finished(state: SearchState) -> events.SearchFinished:
    sha256, reference = history_sha256(state.lines, state.header), state.archive.reference_point()
    volume = state.archive.hypervolume(state.front(state.numbers.number))
    cost = state.budget.spent
    return events.SearchFinished(state.reason, len(state.numbers.evaluated), volume, sha256, reference, cost)

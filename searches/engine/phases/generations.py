"""What a search reports of each generation: its front, its hypervolume, and what the algorithm knew."""

from collections.abc import Iterator, Mapping
from typing import Any

from searches.algorithms.algorithm import Insightful
from searches.engine import events
from searches.engine.events import Event
from searches.engine.phases.state import SearchState


def generations(state: SearchState, *, through: int, is_last: bool = False) -> Iterator[Event]:
    """Reports each generation whose positions are all settled; at the end the unfinished one too."""
    size = state.algorithm.population
    while through >= (state.generation + 1) * size:
        yield generation_finished(state, (state.generation + 1) * size)
        state.generation += 1
    if is_last and through > state.generation * size:
        yield generation_finished(state, through)
        state.generation += 1


def generation_finished(state: SearchState, end: int) -> events.GenerationFinished:
    rung = state.rungs.shown(end)
    evaluated, front = rung.below(end), state.fix_reference(end)
    start = state.generation * state.algorithm.population
    return events.GenerationFinished(
        state.generation,
        len(state.numbers.below(end)),
        state.archive.hypervolume(front),
        [each.number for each in front],
        state.archive.best(evaluated),
        state.archive.mean([each for each in evaluated if each.at >= start]),
        insight(state, end),
        rung.fidelity,
    )


def insight(state: SearchState, end: int) -> Mapping[str, Any]:
    """Returns what the algorithm knew when it was last asked in a generation: the same with any number of workers."""
    algorithm, asked = state.algorithm, state.numbers.last_asked(end)
    if asked is None or not isinstance(algorithm, Insightful):
        return {}
    return events.plain(algorithm.insight(state.numbers.seen_by(asked)))  # type: ignore[no-any-return]  # a dict

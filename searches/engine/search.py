"""The search: a generator of events. ``list(search(spec, executor=…, folder=…))`` is a whole run, without Django."""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from searches.engine import result_cache
from searches.engine.events import Event, Progress
from searches.engine.executors.executor import Executor
from searches.engine.phases.final_training import train_front
from searches.engine.phases.restoring import restore
from searches.engine.phases.searching import evaluate_networks
from searches.engine.phases.selecting import select
from searches.engine.phases.state import SearchState
from searches.spec import SearchSpec


def search(
    spec: SearchSpec,
    *,
    history: Sequence[Mapping[str, Any]] = (),
    executor: Executor,
    folder: Path,
    elapsed: float = 0.0,
    cache: Path | None = None,
    cache_bytes: int = result_cache.BYTES,
) -> Generator[Event | Progress, None, None]:
    """Runs the spec to its end, going on behind ``history``; closing the generator cancels it.

    ``elapsed`` are the seconds that the search has spent before, for its limit on the wall clock. What another search
    left in the folder ``cache`` is not trained again; the history is the same without it. Raises HistoryError where
    the history is not in its order, EvaluatorBroken where the executor answers what no search can go on with.
    """
    try:
        kept = None if cache is None else (cache, cache_bytes)
        state = SearchState(spec, history, executor, folder, elapsed, kept)
        yield from restore(state)
        yield from evaluate_networks(state)
        yield from train_front(state)
        yield from select(state)
    finally:
        executor.close()

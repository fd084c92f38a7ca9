"""The test split: read once for each member of the front, after the selection is frozen."""

from collections.abc import Iterator, Sequence

from searches.algorithms.algorithm import Evaluated
from searches.engine import events
from searches.engine.events import Event, Progress
from searches.engine.executors.executor import EvaluatorBroken, JobFinished, JobProgressed
from searches.engine.output.event_builders import progress
from searches.engine.scheduler import Dispatch
from searches.engine.weights.weight_store import Key


def tested(front: Sequence[Evaluated], dispatch: Dispatch, patience_seconds: float) -> Iterator[Event | Progress]:
    """Tests each member of the front once; where its weights are gone or damaged, they are trained again.

    Raises EvaluatorBroken where that training leaves no weights, or the test fails after it.
    """
    untested = {(each.number, each.fidelity): dispatch.weights.works[each.number, each.fidelity] for each in front}
    todo, again = list(untested), set[Key]()
    while untested:
        for key in [key for key in todo if key not in dispatch.lost]:
            if not dispatch.weights.are_whole(key):
                if key in again:
                    raise EvaluatorBroken(f"number {key[0]} was trained again, but left no weights to test")
                dispatch.lost[key] = untested[key]
                again.add(key)
            elif dispatch.executor.room:
                dispatch.executor.submit(dispatch.jobs.test(untested[key]))
                todo.remove(key)
        while dispatch.executor.room and dispatch.give_out():
            pass
        message = dispatch.executor.receive(patience_seconds)
        if isinstance(message, JobProgressed):
            yield progress(message)
        if not isinstance(message, JobFinished):
            continue
        if message.kind != "test":
            dispatch.arrived(message)
            continue
        key = message.number, message.fidelity
        job = dispatch.jobs.test(untested[key])
        if dispatch.versions.refuses(job, message):
            dispatch.executor.submit(job)
            continue
        if message.status == "done":
            del untested[key]
            yield events.TestMeasured(message.number, message.values["test_accuracy"])
        elif key in again:
            raise EvaluatorBroken(f"number {message.number} could not be tested: {message.reason}")
        else:
            again.add(key)
            dispatch.lost[key] = untested[key]
            todo.append(key)

"""Area 9: many evaluators, one history; and an evaluator's death costs nothing but time."""

from pathlib import Path

import psutil
import pytest

from searches.engine.engine_process import start
from searches.engine.events import EvaluationFinished, EvaluationStarted
from searches.engine.history import canonical, line
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.searches.engine.shuffled import ShuffledExecutor

SPEC = {"evaluations": 20, "seed": 4, "objectives": ["accuracy", "params"], "lag": 6}


def test_one_and_eight_evaluators_write_one_history(tmp_path: Path) -> None:
    def history(workers: int) -> list[str]:
        executor = ShuffledExecutor(workers, seed=workers)
        events = search(SearchSpec.from_document(SPEC), executor=executor, folder=tmp_path)
        return [canonical(line(event)) for event in events if isinstance(event, EvaluationFinished)]

    assert history(1) == history(8)


@pytest.mark.slow
def test_an_evaluator_that_is_killed_is_replaced_and_its_candidate_is_trained_again(tmp_path: Path) -> None:
    spec = SearchSpec.from_document(SPEC | {"evaluations": 4, "training": {"epochs": 2}, "objectives": ["accuracy"]})
    engine = start(spec.to_document(), [], tmp_path, 2)
    finished, killed = [], False
    try:
        for event in engine.events():
            if isinstance(event, EvaluationStarted) and not killed:
                evaluators = [
                    p for p in psutil.Process(engine.pid).children() if "searches.evaluation.worker" in p.cmdline()
                ]
                evaluators[0].kill()
                killed = True
            if isinstance(event, EvaluationFinished):
                finished.append(event)
        assert engine.wait() == 0
    finally:
        engine.stop()
    assert killed
    assert [event.number for event in finished] == sorted({event.number for event in finished})
    assert len(finished) == 4
    assert all(event.status == "done" for event in finished)

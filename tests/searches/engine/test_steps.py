"""Steps: numbered like candidates, one chain of states a kind, the same history whatever is lost on the way."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from searches.engine import events
from searches.engine.executors.executor import EvaluatorBroken, JobFinished
from searches.engine.history import canonical, history_sha256, line
from searches.engine.search import search
from searches.engine.step_chain import KEPT, Link, StepChain
from searches.evaluation import worker
from searches.spec import SearchSpec
from tests.searches.engine.learner import learner
from tests.searches.engine.shuffled import ShuffledExecutor

__all__ = ["learner"]
SPEC = {
    "evaluations": 20,
    "seed": 3,
    "lag": 4,
    "objectives": ["accuracy", "params", "flops"],
    "algorithm": "learner",
    "space_options": {"max_layers": 4, "widths": [16, 32]},
}


def run(folder: Path, executor: ShuffledExecutor, history: Any = (), **options: Any) -> list[Any]:
    spec = SearchSpec.from_document(SPEC | {"algorithm_options": options})
    return list(search(spec, history=history, executor=executor, folder=folder))


def lines(reports: list[Any]) -> list[dict[str, Any]]:
    return [line(each) for each in reports if isinstance(each, events.EvaluationFinished | events.StepFinished)]


def steps(reports: list[Any]) -> list[events.StepFinished]:
    return [each for each in reports if isinstance(each, events.StepFinished)]


def test_a_step_goes_on_from_the_one_before_it(tmp_path: Path, learner: str) -> None:
    reports = run(tmp_path, ShuffledExecutor(3, 1))
    assert [step.report["count"] for step in steps(reports)] == list(range(1, 11))
    assert [step.number for step in steps(reports)] == list(range(0, 30, 3))
    assert reports[-1].evaluations == 20
    assert reports[-1].history_sha256 == history_sha256(lines(reports), reports[0].header)
    written = lines(reports)[0]
    assert {name: written[name] for name in ("kind", "number", "fidelity", "step", "cost")} == {
        "kind": "step", "number": 0, "fidelity": 0, "step": "counting", "cost": 1000,
    }  # fmt: skip
    insights = [each.insight for each in reports if isinstance(each, events.GenerationFinished)]
    assert insights[1] == {"steps": 3, "evaluated": 4}  # below 11 - 4


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_its_history_does_not_depend_on_workers_or_on_where_it_stopped(
    tmp_path: Path, learner: str, workers: int
) -> None:
    whole = run(tmp_path, ShuffledExecutor(1), fails=9)
    assert [(step.status, step.reason) for step in steps(whole) if step.number == 9] == [("failed", "out of memory")]
    texts = [canonical(entry) for entry in lines(whole)]
    for kept in range(0, len(texts) + 1, workers):
        again = run(tmp_path, ShuffledExecutor(workers, kept), lines(whole)[:kept], fails=9)
        assert [canonical(entry) for entry in lines(again)] == texts[kept:]
        assert again[-1].history_sha256 == whole[-1].history_sha256


@pytest.mark.parametrize("damage", ["gone", "changed", "all gone"])
def test_a_state_that_is_lost_is_made_again(tmp_path: Path, learner: str, damage: str) -> None:
    whole = run(tmp_path, ShuffledExecutor(1))
    kept = lines(whole)[:13]  # steps 0, 3, 6, 9, 12
    for file in (tmp_path / "states").iterdir():
        if damage == "all gone" or file.name == "counting-12.safetensors":
            file.unlink() if damage != "changed" else file.write_bytes(b"{}")
    executor = ShuffledExecutor(2, 1)
    again = run(tmp_path, executor, kept)
    assert [canonical(entry) for entry in lines(again)] == [canonical(entry) for entry in lines(whole)[13:]]
    done = [number for kind, number in executor.done if kind == "step"]
    assert done == [*([0, 3, 6, 9] if damage == "all gone" else []), 12, 15, 18, 21, 24, 27]


def test_old_states_are_deleted(tmp_path: Path, learner: str) -> None:
    run(tmp_path, ShuffledExecutor(1))
    assert len(list((tmp_path / "states").iterdir())) == KEPT


def test_a_step_that_fails_when_it_is_done_again_breaks_the_search(tmp_path: Path) -> None:
    chain = StepChain(
        tmp_path, [Link(0, "counting", {}, True, {"path": "states/gone", "sha256": ""}), Link(3, "counting", {})]
    )
    found = chain.next_link()
    assert found is not None
    assert (found[0].number, found[1]) == (0, None)
    chain.running = found[0]
    with pytest.raises(EvaluatorBroken, match="step 0 was done again for its state, but failed: too hot"):
        chain.finish(JobFinished("step", 0, 0, "failed", "too hot"))


def test_the_event_survives_its_document(tmp_path: Path, learner: str) -> None:
    for step in steps(run(tmp_path, ShuffledExecutor(1))):
        document = json.loads(events.line(step))
        assert events.from_document(document).to_document() == step.to_document()


def asked_of_the_worker(document: dict[str, Any]) -> dict[str, Any]:
    messages = io.StringIO()
    worker.answer(json.dumps(document), messages, None)
    answer: dict[str, Any] = json.loads(messages.getvalue().splitlines()[-1])
    return answer


def test_an_evaluator_does_a_step_and_leaves_its_state(tmp_path: Path, learner: str) -> None:
    job = {
        "kind": "step", "number": 3, "fidelity": 0, "step": "counting", "options": {"amount": 5}, "state": None,
        "dataset": "digits", "training": {}, "seed": 7, "folder": str(tmp_path), "deadline": {"seconds": 60},
        "space": {"name": "chain", "options": {}},
    }  # fmt: skip
    first = asked_of_the_worker(job)
    assert (first["type"], first["status"], first["report"], first["cost"]) == (
        "result",
        "done",
        {"count": 1, "sum": 5},
        1000,
    )
    assert (tmp_path / first["files"]["state"]["path"]).is_file()
    second = asked_of_the_worker(job | {"number": 4, "state": first["files"]["state"]})
    assert second["report"] == {"count": 2, "sum": 10}
    failed = asked_of_the_worker(job | {"options": {"fails": True}})
    assert (failed["status"], failed["files"]) == ("failed", {})
    assert failed["reason"] == "out of memory while training; a smaller batch or network fits"
    damaged = asked_of_the_worker(job | {"state": {"path": "states/none", "sha256": "0"}})
    assert damaged["type"] == "error"
    unknown = asked_of_the_worker(job | {"step": "dreaming"})
    assert "no step is named 'dreaming'" in unknown["reason"]
    wrong = asked_of_the_worker({name: value for name, value in job.items() if name != "options"})
    assert "the step cannot be read" in wrong["reason"]

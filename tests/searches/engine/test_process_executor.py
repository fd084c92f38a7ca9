"""Evaluator processes: those that die are started again, those that hang are stopped, none is left behind."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from searches.engine.executors import process_executor
from searches.engine.executors.executor import EvaluatorBroken, JobFinished, JobProgressed, JobStarted
from searches.engine.executors.process_executor import ProcessExecutor
from tests.searches.engine import stand_in

COMMAND = (sys.executable, stand_in.__file__)


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    executor = ProcessExecutor(2, command=COMMAND)
    yield executor
    executor.close()


def job(number: int, folder: Path, behaviour: int = 0, kind: str = "evaluate", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "number": number, "fidelity": 1, "seed": behaviour, "folder": str(folder), **more}


def finish(executor: ProcessExecutor, count: int) -> list[JobFinished]:
    found: list[JobFinished] = []
    while len(found) < count:
        message = executor.receive(30)
        assert message is not None
        if isinstance(message, JobFinished):
            found.append(message)
    return found


def test_a_job_is_started_tells_its_progress_and_ends(executor: ProcessExecutor, tmp_path: Path) -> None:
    executor.submit(job(3, tmp_path))
    messages = [executor.receive(30) for _ in range(3)]
    assert [type(message) for message in messages] == [JobStarted, JobProgressed, JobFinished]
    assert {message.number for message in messages if message} == {3}


def test_there_is_room_for_as_many_jobs_as_workers(executor: ProcessExecutor, tmp_path: Path) -> None:
    assert executor.room == 2
    executor.submit(job(0, tmp_path))
    executor.submit(job(1, tmp_path))
    assert executor.room == 0
    assert {message.number for message in finish(executor, 2)} == {0, 1}
    assert executor.room == 2


def test_an_evaluator_that_died_is_replaced_and_the_job_done_again(executor: ProcessExecutor, tmp_path: Path) -> None:
    executor.submit(job(5, tmp_path, stand_in.DIES_ONCE))
    assert finish(executor, 1)[0].status == "done"


def test_a_job_that_kills_three_evaluators_has_failed(executor: ProcessExecutor, tmp_path: Path) -> None:
    executor.submit(job(5, tmp_path, stand_in.DIES))
    result = finish(executor, 1)[0]
    assert (result.status, result.reason) == ("failed", "its evaluator died 3 times (SIGKILL)")
    executor.submit(job(6, tmp_path))
    assert finish(executor, 1)[0].status == "done"


def test_a_job_far_beyond_its_deadline_is_stopped(
    executor: ProcessExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_executor, "GRACE_SECONDS", 0.1)
    executor.submit(job(5, tmp_path, stand_in.HANGS, deadline={"seconds": 0.2}))
    while executor.receive(0.2) is None:
        pass
    found = None
    while not isinstance(found, JobFinished):
        found = executor.receive(0.2)
    assert (found.status, found.reason) == ("failed", "it did not end within its 0.2 s and was stopped")


def test_a_job_that_no_evaluator_can_do_breaks_the_search(executor: ProcessExecutor, tmp_path: Path) -> None:
    executor.submit(job(5, tmp_path, stand_in.ERRS))
    with pytest.raises(EvaluatorBroken, match="ValueError: broken"):
        finish(executor, 1)


def test_a_test_that_cannot_be_done_is_told_and_not_fatal(executor: ProcessExecutor, tmp_path: Path) -> None:
    executor.submit(job(5, tmp_path, stand_in.ERRS, kind="test"))
    assert finish(executor, 1)[0].status == "failed"


def test_evaluators_that_never_get_ready_break_the_search(tmp_path: Path) -> None:
    executor = ProcessExecutor(1, command=(*COMMAND, "--never-ready"))
    executor.submit(job(0, tmp_path))
    with pytest.raises(EvaluatorBroken, match=r"evaluators end before they are ready \(exit code 7\)"):
        finish(executor, 1)
    executor.close()


def test_closing_leaves_no_process_behind(tmp_path: Path) -> None:
    executor = ProcessExecutor(2, command=COMMAND)
    executor.submit(job(0, tmp_path))
    finish(executor, 1)
    executor.submit(job(1, tmp_path, stand_in.HANGS))
    executor.receive(30)
    pids = [each.process.pid for each in executor._evaluators.values()]
    executor.close()
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert os.getpid() not in pids

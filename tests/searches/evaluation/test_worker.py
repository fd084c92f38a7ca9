"""The evaluator process: its protocol, its death with its parent, and equal results after a kill."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.searches.evaluation.worlds import chain_network, job, small_network

COMMAND = [sys.executable, "-m", "searches.evaluation.worker"]


class Worker:
    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.read()["type"] == "ready"

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 120)[0], "the evaluator says nothing"
        document: dict[str, Any] = json.loads(self.process.stdout.readline())
        return document

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def send(self, document: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()

    def answer(self, document: object) -> dict[str, Any]:
        self.send(document)
        message = self.read()
        while message["type"] == "progress":
            message = self.read()
        return message


@pytest.fixture
def worker() -> Iterator[Worker]:
    started = Worker()
    yield started
    started.end()


def deterministic(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in ("seconds", "details")}


@pytest.mark.slow
def test_it_answers_and_ends_with_its_input(worker: Worker, tmp_path: Path) -> None:
    result = worker.answer(job(small_network(), tmp_path))
    assert (result["type"], result["status"], result["number"], result["fidelity"]) == ("result", "done", 1, 1)
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert worker.process.wait(20) == 0


@pytest.mark.slow
def test_a_killed_evaluation_is_repeated_to_the_same_bits(worker: Worker, tmp_path: Path) -> None:
    document = job(chain_network(3), tmp_path / "undisturbed", training={"epochs": 3})
    undisturbed = worker.answer(document)
    killed = Worker()
    killed.send({**document, "folder": str(tmp_path / "again"), "training": {"epochs": 500}})
    assert killed.read()["type"] == "progress"
    killed.end()
    again = worker.answer({**document, "folder": str(tmp_path / "again")})
    assert deterministic(again) == deterministic(undisturbed)


def test_a_broken_job_is_answered_with_a_traceback_and_the_next_one_is_done(worker: Worker, tmp_path: Path) -> None:
    error = worker.answer({"number": 4, "fidelity": 2})
    assert (error["type"], error["number"], error["fidelity"]) == ("error", 4, 2)
    assert "the job cannot be read" in error["reason"]
    assert "Traceback" in error["traceback"]
    assert worker.answer([1])["type"] == "error"
    assert worker.answer(job(small_network(), tmp_path))["status"] == "done"


def test_not_a_number_never_reaches_the_protocol(worker: Worker, tmp_path: Path) -> None:
    training = {"epochs": 1, "learning_rate": 10.0, "weight_decay": 1.0, "optimizer": "sgd", "momentum": 0.999}
    result = worker.answer(job(chain_network(6), tmp_path, training=training))
    assert result["status"] in ("done", "failed")
    if result["status"] == "failed":
        assert result["reason"].startswith(("diverged", "exploded"))


@pytest.mark.slow
def test_prints_of_libraries_do_not_reach_the_protocol(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "from searches.evaluation import process\n"
        "streams = process.protocol_streams\n"
        "import searches.evaluation.worker as worker\n"
        "def noisy(descriptor):\n"
        "    both = streams(descriptor); print('noise', flush=True); os.system('echo noise'); return both\n"
        "worker.protocol_streams = noisy\n"
        "sys.exit(worker.main([]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input="", capture_output=True, text=True, check=True, timeout=120
    )
    assert [json.loads(line)["type"] for line in run.stdout.splitlines()] == ["ready"]
    assert run.stderr.count("noise") == 2


def test_it_dies_with_its_parent() -> None:
    code = (
        "import subprocess, sys, os\n"
        f"command = {COMMAND!r} + ['--parent', str(os.getpid())]\n"
        "child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    descriptor = os.pidfd_open(child)
    parent.kill()
    parent.communicate()
    assert has_ended(descriptor, 10), "the evaluator outlived its parent"


def has_ended(descriptor: int, seconds: float) -> bool:
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def test_it_refuses_a_foreign_parent() -> None:
    run = subprocess.run([*COMMAND, "--parent", "1"], input="", capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode != 0
    assert "the process that started this one is gone" in run.stderr


@pytest.mark.slow
def test_an_allocation_past_the_limit_is_a_failed_candidate(tmp_path: Path) -> None:
    worker = Worker("--memory-limit-bytes", str(40 * 2**20))
    try:
        result = worker.answer(job(chain_network(6), tmp_path, training={"epochs": 1, "batch_size": 1024}))
        assert (result["type"], result["status"]) == ("result", "failed")
        assert result["reason"].startswith("out of memory while training")
        assert worker.answer(job(small_network(), tmp_path))["status"] == "done"
    finally:
        worker.end()

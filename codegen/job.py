"""Runs the generator of one claimed repository as a child process, and takes over what it made."""

import ctypes
import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from django.conf import settings

from codegen import services
from codegen.generate import UPLOAD
from codegen.services import Job
from nasportal.lib import file_storage

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
LEASE_SECONDS = 30.0
BEAT_SECONDS = 1.0
DEADLINE_SECONDS = 600.0
PR_SET_PDEATHSIG = 1
PASSED = "passed"

_libc = ctypes.CDLL(None)


def run(job: Job) -> str:
    """The outcome in a word; a job that lost its lease leaves nothing behind."""
    shutil.rmtree(job.out, ignore_errors=True)
    job.out.mkdir(parents=True)
    inputs_fetch(job.request)
    child = Child(job)
    try:
        said = follow(job, child)
    finally:
        child.stop()
    if said is None:
        shutil.rmtree(job.out, ignore_errors=True)
        return "lost"
    return conclude(job, child, said)


def inputs_fetch(request: Mapping[str, Any]) -> None:
    """The weights and uploaded data sets that another machine made; a bundle needs those of each variant."""
    for variant in request.get("variants", {}).values():
        inputs_fetch(variant)
    if request.get("weights"):
        file_storage.fetch(Path(request["weights"]), sha256=request.get("weights_sha256") or "")
    dataset = request.get("data_path") or ""
    if dataset.startswith(UPLOAD):
        file_storage.fetch_folder(Path(settings.DATA_DIR) / "datasets" / "uploads" / dataset.removeprefix(UPLOAD))


class Child:
    """The generator in its own session; it dies with the worker that started it."""

    def __init__(self, job: Job) -> None:
        request = job.out / "request.json"
        request.write_text(json.dumps(job.request), encoding="utf-8")
        self.log = job.out / "generator.log"
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "codegen.generate", str(request), str(job.out)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=die_with_parent,
                env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
            )
        self.lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        Thread(target=self._read, name="generator", daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.put(line)
        self.lines.put(None)

    def stop(self) -> None:
        """The whole session: the gate runs the repository's tests as children of the child."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def logged(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def follow(job: Job, child: Child) -> list[dict[str, Any]] | None:
    """What the generator said until it ended; None when the lease was lost or the repository deleted."""
    said: list[dict[str, Any]] = []
    began = time.monotonic()
    beaten = 0.0
    while True:
        try:
            line = child.lines.get(timeout=BEAT_SECONDS)
        except queue.Empty:
            line = b""
        if line is None:
            return said
        if line.startswith(b'{"kind": '):
            said.append(json.loads(line))
        if time.monotonic() - began > DEADLINE_SECONDS:
            message = f"The generator did not end within {DEADLINE_SECONDS:g} s and was stopped."
            return [{"kind": "error", "message": message}]
        if time.monotonic() - beaten > BEAT_SECONDS:
            beaten = time.monotonic()
            if not services.repository_heartbeat(job=job, seconds=LEASE_SECONDS, progress=progress_of(said)):
                return None


def progress_of(said: list[dict[str, Any]]) -> str:
    if not said or said[-1]["kind"] != "progress":
        return ""
    return f"{said[-1]['step']} of {said[-1]['steps']}: {said[-1]['message']}"


def conclude(job: Job, child: Child, said: list[dict[str, Any]]) -> str:
    """From the generator's last word to the row."""
    last: dict[str, Any] = said[-1] if said else {"kind": "nothing"}
    logged = child.logged()
    if last["kind"] == "error":
        services.repository_fail(job=job, reason=last["message"], log=logged)
        return "refused"
    if last["kind"] != "verdict":
        code = child.process.returncode
        services.repository_retry(job=job, reason=f"The generator ended with code {code} and no verdict.", log=logged)
        return "died"
    verdict = last["verdict"]
    if verdict["verdict"] != PASSED:
        failed = [f"{check['name']}: {check['detail']}" for check in verdict["checks"] if not check["passed"]]
        reason = "The gate did not pass it: " + "; ".join(failed)
        services.repository_fail(job=job, reason=reason, log=logged, verdict=verdict)
        return "failed"
    return deliver(job, verdict, logged)


def deliver(job: Job, verdict: dict[str, Any], logged: str) -> str:
    """The archive stays, what it was packed from goes."""
    archive = job.out / verdict["archive"]
    for path in job.out.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    file_storage.keep(archive, sha256=verdict["sha256"])
    won = services.repository_finish(
        job=job,
        archive=archive.relative_to(settings.DATA_DIR).as_posix(),
        sha256=verdict["sha256"],
        size_bytes=verdict["size_bytes"],
        verdict=verdict,
        log=logged,
    )
    return "ready" if won else "lost"

"""Runs the generator of one claimed repository as a child process, and takes over what it made."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from codegen import generator_process, services
from codegen.generator_process import failed_checks
from codegen.repository_request import UPLOAD
from codegen.services import Job
from nasportal.lib import file_storage
from nasportal.lib.child_process import ChildProcess, DeadlineReached

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
BEAT_SECONDS = 1.0
DEADLINE_SECONDS = 600.0
PASSED = "passed"


def run(job: Job) -> str:
    """The outcome in a word; a job that lost its lease leaves nothing behind."""
    shutil.rmtree(job.out, ignore_errors=True)
    job.out.mkdir(parents=True)
    inputs_fetch(job.request)
    request, log = job.out / "request.json", job.out / "generator.log"
    with generator_process.start(job.request, request, job.out, log=log) as child:
        said = follow(job, child)
    if said is None:
        shutil.rmtree(job.out, ignore_errors=True)
        return "lost"
    return conclude(job, child, said)


def inputs_fetch(request: Mapping[str, Any]) -> None:
    """The weights and uploaded datasets that another machine made; a bundle needs those of each variant."""
    for variant in request.get("variants", {}).values():
        inputs_fetch(variant)
    if request.get("weights"):
        file_storage.fetch(Path(request["weights"]), sha256=request.get("weights_sha256") or "")
    dataset = request.get("data_path") or ""
    if dataset.startswith(UPLOAD):
        file_storage.fetch_folder(Path(settings.DATA_DIR) / "datasets" / "uploads" / dataset.removeprefix(UPLOAD))


def follow(job: Job, child: ChildProcess) -> list[dict[str, Any]] | None:
    """Returns what the generator said until it ended; None when the lease was lost or the repository deleted."""
    said: list[dict[str, Any]] = []
    try:
        for document in child.documents(beat=BEAT_SECONDS, deadline=DEADLINE_SECONDS):
            if document is not None and "kind" in document:
                said.append(document)
            if document is None and not services.repository_heartbeat(
                job=job, seconds=LEASE_SECONDS, progress=progress_of(said)
            ):
                return None
    except DeadlineReached:
        message = f"The generator did not end within {DEADLINE_SECONDS:g} s and was stopped."
        return [{"kind": "error", "message": message}]
    return said


def progress_of(said: list[dict[str, Any]]) -> str:
    if not said or said[-1]["kind"] != "progress":
        return ""
    return f"{said[-1]['step']} of {said[-1]['steps']}: {said[-1]['message']}"


def conclude(job: Job, child: ChildProcess, said: list[dict[str, Any]]) -> str:
    """Writes the generator's last word to the row."""
    last: dict[str, Any] = said[-1] if said else {"kind": "nothing"}
    logged = child.logged()
    if last["kind"] == "error":
        services.repository_fail(job=job, reason=last["message"], log=logged)
        return "refused"
    if last["kind"] != "verdict":
        code = child.process.returncode
        services.repository_retry(
            job=job, reason=f"The generator ended with code {code} and without a verdict.", log=logged
        )
        return "died"
    verdict = last["verdict"]
    if verdict["verdict"] != PASSED:
        reason = f"The repository did not pass its gate: {failed_checks(verdict)}"
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

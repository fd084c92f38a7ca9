"""What must hold after every fault: the one checker of the invariants I1 to I8, each answer one sentence."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max, Min
from django.utils import timezone

from searches.engine import history
from searches.models import SearchRun
from searches.models.status import TRANSITIONS, UNDER_LEASE, Status
from searches.supervision import reaper

REAPER_SECONDS = 5.0

Lines = Mapping[tuple[int, int], str]  # accepted lines by number and fidelity


def broken(run: SearchRun, *, acknowledged: Lines | None = None, history_sha256: str = "") -> list[str]:
    """Every invariant of a run that does not hold; empty when all is well."""
    run = SearchRun.objects.get(pk=run.pk)
    return [
        *lost(run, acknowledged or {}),
        *miscounted(run),
        *other_history(run, history_sha256),
        *gaps(run),
        *illegal_states(run),
        *bad_files(run),
        *bad_rows(),
    ]


def lost(run: SearchRun, acknowledged: Lines) -> Iterator[str]:
    """I1: each acknowledged evaluation is in the database with the same bytes."""
    there = {(number, fidelity): line for number, fidelity, line in run.lines()}
    for job, line in acknowledged.items():
        if job not in there:
            yield f"I1: result {job} was acknowledged and is gone"
        elif there[job] != line:
            yield f"I1: result {job} was acknowledged and has changed"


def miscounted(run: SearchRun) -> Iterator[str]:
    """I2: exactly one accepted result per job, and the run's counters say so."""
    jobs = [(number, fidelity) for number, fidelity, _ in run.lines()]
    if len(jobs) != len(set(jobs)):
        yield f"I2: {len(jobs) - len(set(jobs))} jobs have more than one accepted result"
    told = [payload for kind, payload in _payloads(run) if kind in ("EvaluationFinished", "StepFinished")]
    if run.first_seq == 1 and sorted((each["number"], each.get("fidelity", 0)) for each in told) != sorted(jobs):
        yield f"I2: {len(told)} results were told as events, but {len(jobs)} are accepted"
    counted = run.evaluations_done, run.promotions_done, run.steps_done
    there = run.evaluations.filter(place=None).count(), run.evaluations.exclude(place=None).count(), run.steps.count()
    if counted != there:
        yield f"I2: the run counts {counted} evaluations, promotions and steps, but has {there}"
    failed = run.evaluations.exclude(status="done").count()
    if run.evaluations_failed != failed:
        yield f"I2: the run counts {run.evaluations_failed} failed evaluations, but has {failed}"


def other_history(run: SearchRun, expected: str) -> Iterator[str]:
    """I3: the rows give the stored hash, and that is the undisturbed run's."""
    if run.status == Status.FINISHED or run.history_sha256:
        ours = history.lines_sha256((line for _, _, line in sorted(run.lines())), run.header or {})
        if ours != run.history_sha256:
            yield f"I3: the rows give the history hash {ours}, but the run has {run.history_sha256!r}"
    if expected and run.history_sha256 != expected:
        yield f"I3: the history hash is {run.history_sha256!r}, but undisturbed it is {expected!r}"


def gaps(run: SearchRun) -> Iterator[str]:
    """I4: events rise without a gap from `first_seq` to `seq`."""
    facts = run.events.aggregate(first=Min("seq"), last=Max("seq"))
    count = run.events.count()
    if count and (facts["first"], facts["last"], count) != (run.first_seq, run.seq, run.seq - run.first_seq + 1):
        yield (
            f"I4: {count} events from {facts['first']} to {facts['last']}, but the run says "
            f"{run.first_seq} to {run.seq}"
        )
    if not count and run.seq >= run.first_seq:
        yield f"I4: there are no events, but the run says {run.first_seq} to {run.seq}"


def illegal_states(run: SearchRun) -> Iterator[str]:
    """I5: every change is in the transition table, and a live state has a live lease."""
    told = [Status(payload["status"]) for kind, payload in _payloads(run) if kind == "StatusChanged"]
    for before, after in pairwise(told):
        if after != before and after not in TRANSITIONS[before]:
            yield f"I5: the run went from {before} to {after}, which the transition table does not have"
    if told and told[-1] != run.status:
        yield f"I5: the run is {run.status}, but the last event said {told[-1]}"
    patience = timedelta(seconds=REAPER_SECONDS)
    if run.status in UNDER_LEASE and (run.lease_until is None or run.lease_until < timezone.now() - patience):
        yield f"I5: the run is {run.status}, but its lease ended at {run.lease_until}"


def bad_files(run: SearchRun) -> Iterator[str]:
    """I6: each file that a row names exists with its sha256, and no orphan is older than an hour."""
    for number, files in run.evaluations.values_list("number", "files"):
        for name, file in files.items():
            path = run.folder / file["path"]
            if not path.is_file():
                yield f"I6: {name} of number {number} is gone: {file['path']}"
            elif hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
                yield f"I6: {name} of number {number} has other bytes: {file['path']}"
    for path in reaper.unnamed_weights(Path(settings.DATA_DIR) / "runs"):
        yield f"I6: no row names {path.name}, which is older than an hour"


def survivors(data: Path, spared: set[int]) -> Iterator[str]:
    """I7: no process is left that works in this data folder, but for those that are meant to."""
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        if process.pid in spared or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        try:
            at_work = process.environ().get("NASPORTAL_DATA") == str(data)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if at_work:
            yield f"I7: process {process.pid} is left: {' '.join(process.info['cmdline'] or [])[:120]}"


def bad_rows() -> Iterator[str]:
    """I8: the database's own checks of integrity and of foreign keys pass."""
    try:
        connection.check_constraints()
    except DatabaseError as fault:
        yield f"I8: {fault}"
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            answers = [row[0] for row in cursor.execute("PRAGMA integrity_check").fetchall()]
        if answers != ["ok"]:
            yield f"I8: {'; '.join(answers[:3])}"


def _payloads(run: SearchRun) -> list[tuple[str, dict[str, Any]]]:
    kinds = ("StatusChanged", "EvaluationFinished", "StepFinished")
    return list(run.events.filter(kind__in=kinds).order_by("seq").values_list("kind", "payload"))

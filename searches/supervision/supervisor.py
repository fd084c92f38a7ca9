"""Keeps one run going for a slice of time: starts its engine, commits its events, holds its lease, obeys its users."""

import errno
import logging
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from threading import Thread
from typing import Any

from django.conf import settings

from nasportal.lib import shutdown
from nasportal.lib.crash_points import crash_point
from searches.engine import engine_process
from searches.engine import events as engine
from searches.models import SearchRun
from searches.models.status import Status
from searches.selectors.history import history_of
from searches.supervision import device_latency, disk, leases, run_files
from searches.supervision.leases import Claim
from searches.supervision.recorder import HistoryDiffers, LeaseLost, events_record, progress_record
from searches.supervision.row_cache import RowCache

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5  # how often wishes are looked at, and the shortest time between two writes of progress
BATCH = 64  # events in one transaction: well below 50 ms
WAITING_AT_MOST = 256  # events between pipe and database; above that the pipe fills and the engine waits
DEATHS_AT_MOST = 20  # of an engine by a signal, in a row without an accepted evaluation
CRASHES_AT_MOST = 3  # of an engine by itself
UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR}  # it takes somebody to mend that


Report = engine.Event | engine.Progress
Reports = queue.Queue[Report | None]


class Outcome(Enum):
    """The reason why a supervisor stopped."""

    FINISHED = "the engine said its last word"
    SETTLED = "a user wanted it, the slice was over, or the portal stops"
    FAILED = "the engine cannot continue"
    LOST = "another supervisor has the run"


@dataclass(frozen=True)
class Timing:
    """The clocks of a supervisor, in seconds."""

    lease: float = field(default_factory=lambda: settings.LEASE_SECONDS)
    heartbeat: float = field(default_factory=lambda: settings.HEARTBEAT_SECONDS)
    slice: float = field(default_factory=lambda: settings.SLICE_SECONDS)


class RunSupervisor:
    """Works on a claimed run until it is over, until something is wanted of it, or until the slice is over."""

    def __init__(self, claim: Claim, timing: Timing | None = None) -> None:
        self.claim = claim
        self.timing = timing or Timing()
        self.run = SearchRun.objects.get(pk=claim.run_id)
        self.known = RowCache(claim.run_id)
        self.began = self.beaten = self.looked = time.monotonic()
        self.progress: dict[int, engine.Progress] = {}
        self.deaths = self.crashes = 0
        self.is_over = False

    def work(self) -> Outcome:
        """The claim is given back in the end, whatever happens to the engine."""
        log.info("run %s: claimed under token %s", self.claim.run_id, self.claim.token)
        try:
            with shutdown.asked_by_sigterm():
                outcome = self._work()
        except LeaseLost as lost:
            log.warning("run %s: %s", self.claim.run_id, lost)
            return Outcome.LOST
        except HistoryDiffers as fault:
            return self._fail(str(fault))
        except OSError as fault:
            if fault.errno not in UNWRITABLE:
                raise
            return self._fail(f"{fault.strerror}: resume the run once {self.run.folder} takes files again.")
        log.info("run %s: %s", self.claim.run_id, outcome.value)
        return outcome

    def _work(self) -> Outcome:
        while self._goes_on():
            exit_code = self._engine()
            if self.is_over:
                return Outcome.FINISHED
            if exit_code is None:  # stopped by us
                continue
            verdict = self._count_death(exit_code)
            if verdict:
                return self._fail(verdict)
        settled = leases.run_settle(claim=self.claim)
        return Outcome.SETTLED if settled else Outcome.LOST

    def _goes_on(self) -> bool:
        if shutdown.is_requested() or time.monotonic() - self.began > self.timing.slice:
            return False
        wish = leases.run_wish(claim=self.claim)
        if wish is None:
            raise LeaseLost(f"run {self.claim.run_id} was claimed by another supervisor, or deleted")
        if wish == Status.RUNNING and disk.is_full():
            leases.run_pause_full(claim=self.claim)
            return False
        if wish == Status.RUNNING and (reason := device_latency.questions_answer(self.run)):
            leases.run_pause_because(claim=self.claim, reason=reason)
            return False
        return wish == Status.RUNNING

    def _engine(self) -> int | None:
        """One life of an engine: its exit code if it ended by itself, None if it was stopped by us."""
        self.run.refresh_from_db()
        history = history_of(self.run)
        run_files.inputs_fetch(self.run, history)
        crash_point("engine-start")
        with engine_of(self.run, history) as (process, reports):
            while True:
                batch, ended = drain(reports)
                self._commit(batch)
                if ended:
                    return process.wait()
                if self.is_over:
                    return None
                self._beat()
                if time.monotonic() - self.looked >= LOOK_SECONDS:
                    self.looked = time.monotonic()
                    self._tell_progress()
                    if not self._goes_on():
                        return None

    def _commit(self, batch: list[Report]) -> None:
        events = [report for report in batch if not isinstance(report, engine.Progress)]
        self.progress |= {report.evaluator: report for report in batch if isinstance(report, engine.Progress)}
        if not events:
            return
        run_files.results_keep(self.run, events)
        crash_point("before-commit")
        events_record(run_id=self.claim.run_id, token=self.claim.token, events=events, known=self.known)
        crash_point("after-commit")
        if any(isinstance(event, engine.EvaluationFinished | engine.StepFinished) for event in events):
            self.deaths = self.crashes = 0
        self.is_over = any(isinstance(event, engine.SearchFinished | engine.SearchFailed) for event in events)

    def _beat(self) -> None:
        passed = time.monotonic() - self.beaten
        if passed < self.timing.heartbeat:
            return
        self.beaten = time.monotonic()
        if leases.run_heartbeat(claim=self.claim, seconds=self.timing.lease, worked_seconds=passed) is None:
            raise LeaseLost(f"run {self.claim.run_id} was claimed by another supervisor, or deleted")

    def _tell_progress(self) -> None:
        if self.progress:
            reports, self.progress = list(self.progress.values()), {}
            progress_record(run_id=self.claim.run_id, token=self.claim.token, reports=reports)

    def _count_death(self, exit_code: int) -> str:
        """The reason to give up; empty while the engine is worth another start."""
        log.warning("run %s: the engine ended with exit code %s", self.claim.run_id, exit_code)
        if exit_code < 0:
            self.deaths += 1
        else:
            self.crashes += 1
        if self.deaths < DEATHS_AT_MOST and self.crashes < CRASHES_AT_MOST:
            return ""
        return (
            f"The engine ended {self.deaths + self.crashes} times in a row without a result (last exit code "
            f"{exit_code}); its log is in the run's folder. Fix the cause, then resume the run."
        )

    def _fail(self, reason: str) -> Outcome:
        log.error("run %s: %s", self.claim.run_id, reason)
        return Outcome.FAILED if leases.run_fail(claim=self.claim, reason=reason) else Outcome.LOST


@contextmanager
def engine_of(run: SearchRun, history: list[dict[str, Any]]) -> Iterator[tuple[engine_process.EngineProcess, Reports]]:
    """The engine as a child process that is gone afterwards, with all its evaluators."""
    run.folder.mkdir(parents=True, exist_ok=True)
    process = engine_process.start(
        run.spec,
        history,
        run.folder,
        settings.EVALUATORS,
        elapsed=run.worked_seconds,
        cache=run.project.cache if settings.CACHE_BYTES else None,
        cache_bytes=settings.CACHE_BYTES,
    )
    reports: Reports = queue.Queue(WAITING_AT_MOST)
    reader = Thread(target=read, args=(process, reports), name="events", daemon=True)
    reader.start()
    try:
        yield process, reports
    finally:
        process.stop()
        while reader.is_alive():  # what it still has to say was never accepted
            with suppress(queue.Empty):
                reports.get(timeout=0.05)


def read(process: engine_process.EngineProcess, reports: Reports) -> None:
    """Moves the pipe's events into a short queue, so that heartbeats go on while nothing happens; None is the end."""
    try:
        for report in process.events():
            reports.put(report)
    finally:
        reports.put(None)


def drain(reports: Reports) -> tuple[list[Report], bool]:
    """Returns what has been reported, after at most a short wait; and whether that was the end."""
    batch: list[Report] = []
    try:
        report = reports.get(timeout=LOOK_SECONDS)
        while report is not None:
            batch.append(report)
            if len(batch) == BATCH:
                return batch, False
            report = reports.get_nowait()
    except queue.Empty:
        return batch, False
    return batch, True

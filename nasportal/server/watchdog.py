"""Reaper, watchdog and courier, one process on each machine.

    python -m nasportal.server.watchdog

The reaper rings for work that nobody is at. The watchdog asks the supervisor (SIGUSR1 to its parent) for a new cluster
when no work can flow through this one. django-q2 heals less than it says: an idle worker that is killed dies with the
lock of the task queue, and its "reincarnated" successor waits for ever.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import django
import psutil

from nasportal.lib import machine

logger = logging.getLogger("nasportal.server.watchdog")
BEAT_SECONDS = 1.0
REAP_SECONDS = 2.0
SWEEP_SECONDS = 3600.0
CANARY_SECONDS = 15.0
CANARY_PATIENCE_SECONDS = 30.0
START_PATIENCE_SECONDS = 60.0
AUXILIARY = 2  # monitor and pusher, beside the workers


@dataclass
class Watchdog:
    """Watches the processes of one cluster: it has to keep those that it started with."""

    workers: int
    cluster: int = 0
    members: frozenset[int] = frozenset()
    since: float = field(default_factory=time.monotonic)

    def fault(self, cluster: psutil.Process | None) -> str:
        """Says in words that a worker is free and yet nobody takes the task."""
        if cluster is None:
            return ""  # it has ended, which the supervisor sees by itself
        if cluster.pid != self.cluster:
            self.cluster, self.members, self.since = cluster.pid, frozenset(), time.monotonic()
        members = members_of(cluster)
        if self.members:
            lost = sorted(self.members - members)
            return f"its process {lost[0]} is gone" if lost else ""
        if len(members) == self.workers + AUXILIARY + 1:
            self.members = members
        elif time.monotonic() - self.since > START_PATIENCE_SECONDS:
            return f"{len(members)} processes instead of {self.workers + AUXILIARY + 1}"
        return ""


@dataclass
class Canary:
    """A small task, sent again and again to see whether work flows."""

    task: str = ""
    sent: float = -CANARY_SECONDS

    def fault(self, has_idle_worker: Callable[[], bool]) -> str:
        """Says in words that a worker is free and yet nobody takes the task."""
        from django_q.models import Task
        from django_q.tasks import async_task

        waited = time.monotonic() - self.sent
        if not self.task or Task.objects.filter(pk=self.task).exists():
            if waited > CANARY_SECONDS:
                self.task, self.sent = str(async_task("searches.tasks.canary", group="canary")), time.monotonic()
            return ""
        if waited < CANARY_PATIENCE_SECONDS:
            return ""
        # Behind a thousand short messages it waits its turn: then others have ended of late.
        of_late = datetime.now(UTC) - timedelta(seconds=CANARY_PATIENCE_SECONDS)
        if Task.objects.filter(stopped__gt=of_late).exists() or not has_idle_worker():
            return ""
        return f"a worker is idle, but a small task has waited for {waited:.0f} s"


def members_of(cluster: psutil.Process) -> frozenset[int]:
    """The sentinel and its children: workers, monitor, pusher; not what workers have started."""
    try:
        sentinels = cluster.children()
        processes = [*sentinels, *(process for sentinel in sentinels for process in sentinel.children())]
        return frozenset(process.pid for process in processes if process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return frozenset()


def has_idle_worker(cluster: psutil.Process | None) -> bool:
    """Tell whether some worker has no child process, where long work is done, and is at no task itself either."""
    if cluster is None:
        return False
    try:
        members = [process for sentinel in cluster.children() for process in sentinel.children()]
        free = [each for each in members if not each.children() and each.name() != machine.BUSY]
    except psutil.NoSuchProcess:
        return False
    return len(free) > AUXILIARY


def cluster_beside() -> psutil.Process | None:
    """The cluster that has the same supervisor as this process."""
    for process in psutil.Process(os.getppid()).children():
        try:
            if "nasportal.server.task_cluster" in process.cmdline():
                return process
        except psutil.NoSuchProcess:
            continue
    return None


def main() -> None:
    """Beats until it is ended, or its courier has."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    django.setup()
    from django.conf import settings
    from django.db import DatabaseError, InterfaceError, close_old_connections

    from nasportal.accounts.services import audit_cut
    from nasportal.server.courier import Courier
    from searches.supervision import reaper

    courier = Courier()
    courier.start()
    watchdog, canary = Watchdog(settings.Q_WORKERS), Canary()
    reaped = swept = time.monotonic() - REAP_SECONDS
    while courier.is_alive():  # without it this process is started anew
        cluster = cluster_beside()
        fault = watchdog.fault(cluster)
        try:
            close_old_connections()
            if time.monotonic() - reaped >= REAP_SECONDS:
                reaper.reap()
                reaped = time.monotonic()
            if time.monotonic() - swept >= SWEEP_SECONDS:
                reaper.sweep()
                audit_cut(days=settings.AUDIT_DAYS_KEPT)
                swept = time.monotonic()
            fault = fault or canary.fault(partial(has_idle_worker, cluster))
        except (DatabaseError, InterfaceError, OSError):
            logger.exception("a round of the reaper failed; the next one follows")
        if fault:
            logger.error("the cluster is taken for broken: %s", fault)
            # What the old cluster had taken, a canary too, is handed out again only much later.
            watchdog, canary = Watchdog(settings.Q_WORKERS), Canary()
            os.kill(os.getppid(), signal.SIGUSR1)
        time.sleep(BEAT_SECONDS)


if __name__ == "__main__":
    main()

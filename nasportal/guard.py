"""Reaper and watchdog, one process on each machine.

    python -m nasportal.guard

The reaper rings for runs that have work and no live lease. The watchdog asks the supervisor (SIGUSR1 to its parent) for
a new cluster when no work can flow through this one. django-q2 heals less than it says: an idle worker that is killed
dies with the lock of the task queue, and its "reincarnated" successor waits for ever.
"""

import logging
import os
import signal
import time
from dataclasses import dataclass, field

import django
import psutil

logger = logging.getLogger("nasportal.guard")
BEAT_SECONDS = 1.0
REAP_SECONDS = 2.0
CANARY_SECONDS = 15.0
CANARY_PATIENCE_SECONDS = 30.0
START_PATIENCE_SECONDS = 30.0


@dataclass
class Watchdog:
    """Looks at the processes of one cluster: it has to keep those that it started with."""

    workers: int
    seen: float = field(default_factory=time.monotonic)
    members: frozenset[int] = frozenset()
    cluster: int = 0

    def fault(self, cluster: psutil.Process | None) -> str:
        """What is wrong with the cluster, in words; nothing while it is starting or well."""
        if cluster is None:
            self.cluster = 0
            return ""  # the supervisor starts it again
        if cluster.pid != self.cluster:
            self.cluster, self.members, self.seen = cluster.pid, frozenset(), time.monotonic()
        members = self._members(cluster)
        if not self.members:
            if len(members) == self.workers + 3:  # sentinel, monitor, pusher
                self.members = members
            elif time.monotonic() - self.seen > START_PATIENCE_SECONDS:
                return f"{len(members)} of {self.workers + 3} processes after {START_PATIENCE_SECONDS:g} s"
            return ""
        lost = self.members - members
        return f"process {', '.join(map(str, sorted(lost)))} is gone" if lost else ""

    def has_idle_worker(self, cluster: psutil.Process) -> bool:
        """Whether some worker has no child process; all long work is done in child processes."""
        try:
            auxiliary = 2
            without_child = [p for s in cluster.children() for p in s.children() if not p.children()]
        except psutil.NoSuchProcess:
            return False
        return len(without_child) > auxiliary

    def _members(self, cluster: psutil.Process) -> frozenset[int]:
        try:
            sentinels = cluster.children()
            processes = [*sentinels, *(p for s in sentinels for p in s.children())]
            return frozenset(p.pid for p in processes if p.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return frozenset()


def cluster_beside() -> psutil.Process | None:
    """The cluster that has the same supervisor as this process."""
    for process in psutil.Process(os.getppid()).children():
        try:
            if "nasportal.cluster" in process.cmdline():
                return process
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return None


def main() -> None:
    """Beats until it is ended."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    django.setup()
    from django.conf import settings
    from django.db import DatabaseError, close_old_connections

    from nasportal import canary
    from searches import services

    watchdog = Watchdog(workers=settings.Q_WORKERS)
    reaped = rang = 0.0
    while True:
        cluster = cluster_beside()
        fault = watchdog.fault(cluster)
        try:
            close_old_connections()
            if time.monotonic() - reaped > REAP_SECONDS:
                services.runs_reap()
                reaped = time.monotonic()
            if time.monotonic() - rang > CANARY_SECONDS:
                waited = canary.waited_seconds()
                rang = time.monotonic()
                if waited is None:
                    canary.ring()
                elif cluster and waited > CANARY_PATIENCE_SECONDS and watchdog.has_idle_worker(cluster):
                    fault = fault or f"a worker is idle, but a small task has waited for {waited:.0f} s"
        except DatabaseError:
            logger.exception("the database does not answer; the next attempt follows")
        if fault:
            logger.error("the cluster is taken for broken: %s", fault)
            watchdog = Watchdog(workers=settings.Q_WORKERS)
            canary.forget()
            os.kill(os.getppid(), signal.SIGUSR1)
        time.sleep(BEAT_SECONDS)


if __name__ == "__main__":
    main()

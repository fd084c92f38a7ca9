"""Keeps the portal's programs running, and ends them all when it is asked to stop.

It waits for signals instead of handling them, touches neither database nor network, and so cannot get stuck:
SIGINT, SIGTERM, SIGHUP   stop; a second one stops at once
SIGUSR1                   from the watchdog: no work flows through the cluster, start it anew
SIGCHLD                   a program has ended; it is started again with back-off
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

import psutil
from django.conf import settings

from nasportal.server.processes import Child, adopt_orphans, below, end

STOPPING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
WAITED_FOR = STOPPING | {signal.SIGUSR1, signal.SIGCHLD}
STOP_SECONDS = 8.0
MODULES = {"guard": "watchdog", "cluster": "task_cluster"}  # where the module is not called like its log
RENEW_SECONDS = 3.0


class ProcessSupervisor:
    """Runs its children until it is asked to stop. The first one is stopped first."""

    def __init__(self, children: Sequence[Child], say: Callable[[str], None]) -> None:
        self.children = children
        self.say = say

    def run(self, *, until: Callable[[], bool] = lambda: True, ready: Callable[[], None] = lambda: None) -> int:
        """Starts the children, calls `ready` when `until` holds, and comes back once all have ended."""
        adopt_orphans()
        signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
        for child in self.children:
            child.start()
        is_ready = False
        while True:
            caught = signal.sigtimedwait(WAITED_FOR, 0.2 if not is_ready else 1.0)
            number = caught.si_signo if caught else None
            if number in STOPPING:
                break
            if number == signal.SIGUSR1:
                self._renew("cluster")
            self._tend()
            if not is_ready and until():
                is_ready = True
                ready()
        self._stop()
        return 0

    def _tend(self) -> None:
        for child in self.children:
            if child.is_running():
                child.trim_log()
            elif child.process is not None:
                wait = child.put_off()
                self.say(f"{child.name} ended ({child.how_it_ended()}); it starts again in {wait:g} s")
                _end_group(child)
                child.process = None
            elif time.monotonic() >= child.due:
                child.start()
        self._bury()

    def _renew(self, name: str) -> None:
        for child in self.children:
            if child.name == name and child.process is not None and child.is_running():
                self.say(f"{name} no longer takes work; it is restarted")
                everything = [*below(child.process.pid), psutil.Process(child.process.pid)]
                child.process.terminate()  # healthy workers settle their runs, though a broken cluster never ends
                psutil.wait_procs(everything, timeout=RENEW_SECONDS)
                end(everything)
                child.process.wait()
                child.process = None
                child.start()

    def _bury(self) -> None:
        """Ends and reaps adopted orphans: what they worked for is gone."""
        known = {child.process.pid for child in self.children if child.process}
        for orphan in psutil.Process().children():
            if orphan.pid not in known:
                with contextlib.suppress(psutil.NoSuchProcess):
                    orphan.kill()
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan.pid, os.WNOHANG)

    def _stop(self) -> None:
        everything = below(os.getpid())
        for child in self.children:
            if child.process is not None and child.is_running():
                child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while any(child.is_running() for child in self.children) and time.monotonic() < deadline:
            caught = signal.sigtimedwait(WAITED_FOR, 0.1)
            if caught and caught.si_signo in STOPPING:
                break
        end({*everything, *below(os.getpid())})
        self._bury()


def program(name: str, argv: Sequence[str] = (), log: str = "") -> Child:
    """One of the portal's programs: `python -m nasportal.NAME` with its log in NAME.log, unless set otherwise."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "nasportal.settings",
        "NASPORTAL_DATA": str(settings.DATA_DIR),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")])),
    }
    argv = argv or [sys.executable, "-m", f"nasportal.server.{MODULES.get(name, name)}"]
    return Child(name, argv, environment, settings.DATA_DIR / "log" / f"{log or name}.log")


def _end_group(child: Child) -> None:
    """Ends what a program that died by itself has left in its session."""
    if child.process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)

"""Child processes that cannot outlive the portal."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from nasportal.lib import machine
from nasportal.lib.child_process import die_with_parent

PR_SET_CHILD_SUBREAPER = 36
LOG_LIMIT_BYTES = 10_000_000
BACK_OFF_SECONDS = (0.5, 1, 2, 4, 8, 16, 30)
HEALTHY_SECONDS = 60


def adopt_orphans() -> None:
    """Whatever loses its parent below this process becomes its child, so that nothing gets out of sight."""
    machine.prctl(PR_SET_CHILD_SUBREAPER, 1)


def _in_child() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the supervisor waits for signals with all of them blocked
    die_with_parent()


@dataclass
class Child:
    """One program of the portal: started in its own session, logged to its own file, started again with back-off."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    failures: int = field(default=0)

    def start(self) -> None:
        """Starts the program; its output goes to the end of its log."""
        self.trim_log()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_in_child,
            )
        self.started = time.monotonic()

    def is_running(self) -> bool:
        """Returns whether the program was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def put_off(self) -> float:
        """Notes that the program ended by itself; answers in how many seconds it is due again."""
        if time.monotonic() - self.started > HEALTHY_SECONDS:
            self.failures = 0
        wait = BACK_OFF_SECONDS[min(self.failures, len(BACK_OFF_SECONDS) - 1)]
        self.failures += 1
        self.due = time.monotonic() + wait
        return wait

    def how_it_ended(self) -> str:
        """Exit code or signal, in words."""
        code = self.process.returncode if self.process else None
        if code is None:
            return "still running"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def trim_log(self) -> None:
        """Keeps the last of a log that has grown too long. Writers append, so the file can be cut under them."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_LIMIT_BYTES:
                kept = self.log.read_bytes()[-LOG_LIMIT_BYTES // 10 :]
                self.log.with_suffix(".log.1").write_bytes(kept)
                os.truncate(self.log, 0)


def below(pid: int) -> list[psutil.Process]:
    """All processes that descend from this one."""
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def end(processes: Iterable[psutil.Process]) -> None:
    """Kills these processes and waits until they are gone; psutil compares start times, so no stranger is hit."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=5)

"""The real portal for a test: `manage.py up` on a free port with a data folder of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
MANAGE = [sys.executable, str(ROOT / "manage.py")]


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: Callable[[], T], seconds: float = 30.0, message: str = "") -> T:
    """The first true answer of `what`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(message or f"{what} is still {answer!r} after {seconds} s")
        time.sleep(0.05)


class Portal:
    """A running `manage.py up`; it can be stopped, killed and started again on the same data."""

    def __init__(
        self, data: Path, *, command: Sequence[str] = MANAGE, cwd: Path | None = None, **environment: str
    ) -> None:
        self.data = data
        self.command, self.cwd = command, cwd  # a wheel's `nas-portal` instead of the checkout's manage.py
        self.port = free_port()
        # Nothing of the developer's own set-up may leak in.
        foreign = ("NASPORTAL_", "DATABASE_", "REDIS_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.environment = (
            kept | {"NASPORTAL_DATA": str(data), "PORT": str(self.port), "NASPORTAL_EXAMPLE": "0"} | environment
        )
        self.process: subprocess.Popen[str] | None = None
        self.pids: set[int] = set()
        self.output = ""
        self.link = ""

    @property
    def address(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *options: str, seconds: float = 120.0) -> "Portal":
        """Starts the portal and waits until it serves."""
        self.console = self.data.with_name(self.data.name + ".console")
        with self.console.open("w") as console:
            self.process = subprocess.Popen(
                [*self.command, "up", *options],
                env=self.environment,
                cwd=self.cwd,
                stdout=console,
                stderr=subprocess.STDOUT,
                text=True,
            )
        wait_until(lambda: "runs at" in self.said() or self.process.poll() is not None, seconds, self.said())  # type: ignore[union-attr]
        assert self.process.poll() is None, self.said()
        links = [line for line in self.said().splitlines() if "/login/once/" in line]
        self.link = links[-1] if links else ""
        return self

    def said(self) -> str:
        """What the terminal shows."""
        return self.console.read_text()

    def log(self, name: str) -> str:
        """The log of one of its programs: web, cluster, guard."""
        return (self.data / "log" / f"{name}.log").read_text()

    def processes(self) -> list[psutil.Process]:
        """All processes below `up`."""
        assert self.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            return list(psutil.Process(self.process.pid).children(recursive=True))
        return []

    def program(self, module: str) -> psutil.Process:
        """The process that was started as this module: daphne, or one of nasportal.server."""
        assert self.process is not None
        found: Any = wait_until(lambda: [p for p in self._children() if module in p.cmdline()])
        return found[0]

    def _children(self) -> list[psutil.Process]:
        assert self.process is not None
        return list(psutil.Process(self.process.pid).children())

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20.0) -> int:
        """Asks the portal to stop; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def kill(self) -> list[psutil.Process]:
        """SIGKILL to `up` itself; the processes that it had."""
        assert self.process is not None
        processes = self.processes()
        self.process.kill()
        self.process.wait()
        return processes


@contextlib.contextmanager
def running_portal(
    data: Path, *options: str, command: Sequence[str] = MANAGE, cwd: Path | None = None, **environment: str
) -> Iterator[Portal]:
    """A portal that is gone after the block, whatever happens in it."""
    portal = Portal(data, command=command, cwd=cwd, **environment)
    try:
        yield portal.start(*options)
    finally:
        if portal.process is not None and portal.process.poll() is None:
            before = portal.processes()
            try:
                portal.stop()
            except subprocess.TimeoutExpired:
                portal.kill()
            for process in before:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

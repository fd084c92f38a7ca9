"""A program run beside this process: in a session of its own, gone with its parent, heard line by line. No Django.

    with ChildProcess([sys.executable, "-m", "codegen.generate", …], log=folder / "generator.log") as child:
        for line in child.lines(beat=1.0, deadline=600.0):
            …  # None when nothing was said for a second

What the child says comes on its standard output, or on a channel that its starter made where the program itself, or a
library, may print. Everything else that it prints goes to the log, up to a limit.
"""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from nasportal.lib import machine

PR_SET_PDEATHSIG = 1
ROOT = Path(__file__).resolve().parents[2]
LOG_BYTES = 2**20  # a child may print as much as it likes; more than this is not kept
LOOK_SECONDS = 1.0  # how often a silent child is asked whether it still lives
GONE_SECONDS = 2.0  # for killed processes to disappear; some systems never reap them, so not for ever
ENDING_SECONDS = 10.0  # for a child that has said everything to end
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class DeadlineReached(Exception):
    """The child did not end in the time that it was given."""


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux).

    `parent` closes the gap between that thread's fork and this call: SystemExit if the parent is another one by now.
    """
    machine.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        raise SystemExit("the process that started this one is gone")


def environment() -> dict[str, str]:
    """Build a child's environment: one thread for each process, and our packages wherever the child runs."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | ONE_THREAD | {"PYTHONPATH": path}


class ChildProcess:
    """A running program. Its lines may be read in one thread while another one stops it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        folder: Path | None = None,
        variables: Mapping[str, str] | None = None,
        document: bytes = b"",
        channel: tuple[int, int] | None = None,
        own_session: bool = True,
    ) -> None:
        """Start `command` in `folder` (by default this process's own) with `document` on its standard input.

        `variables` are added to the environment. `channel` is a pipe (read, write) of which the child inherits the
        writing end. Without a session of its own a child is stopped alone, without what it has started.
        """
        self.own_session = own_session
        self.log = log.open("wb" if channel is None else "ab")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment() | dict(variables or {}),
            stdin=subprocess.PIPE if document else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if channel is None else subprocess.STDOUT,
            pass_fds=() if channel is None else channel[1:],
            start_new_session=own_session,
            preexec_fn=partial(die_with_parent, os.getpid()) if machine.has_prctl() else None,
        )
        if channel is None:
            said, printed = self.process.stdout, self.process.stderr
        else:
            said, printed = os.fdopen(channel[0], "rb", 0), self.process.stdout
            os.close(channel[1])
        assert said is not None
        assert printed is not None
        self._said: IO[bytes] = said
        self._printed: IO[bytes] = printed
        if self.process.stdin is not None:
            with suppress(BrokenPipeError), self.process.stdin as stream:  # ended at once: its exit code will tell
                stream.write(document)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        for stream in (self._said, self._printed, self.log):
            stream.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def lines(self, *, beat: float | None = None, deadline: float | None = None) -> Iterator[bytes | None]:
        """Yield what the child says until it ends, and None each `beat` seconds; its log is written on the way.

        A reader that waits makes the child wait. A last line that was cut off is dropped. DeadlineReached is raised
        `deadline` seconds after the start of the reading.
        """
        began = beaten = time.monotonic()
        rest = b""
        with selectors.DefaultSelector() as selector, self.log:
            for stream in (self._said, self._printed):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(min(beat or LOOK_SECONDS, LOOK_SECONDS))
                for key, _ in ready:
                    received = os.read(key.fd, 1 << 16)
                    if not received:
                        selector.unregister(key.fileobj)
                        (self._said if key.fileobj is self._said else self._printed).close()
                    elif key.fileobj is self._said:
                        *rows, rest = (rest + received).split(b"\n")
                        yield from rows
                    else:
                        self.keep(received)
                now = time.monotonic()
                if deadline is not None and now - began > deadline:
                    raise DeadlineReached(f"the child did not end within {deadline:g} s")
                if not ready and self.process.poll() is not None:
                    break  # what it started, and left behind, still holds its pipes
                if beat is not None and now - beaten >= beat:
                    beaten = now
                    yield None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDING_SECONDS)

    def documents(self, *, beat: float | None = None, deadline: float | None = None) -> Iterator[dict[str, Any] | None]:
        """Yield the JSON objects among the child's lines, as `lines` does; a library may print between them."""
        for line in self.lines(beat=beat, deadline=deadline):
            if line is None:
                yield None
            elif line.startswith(b"{"):
                with suppress(ValueError):
                    yield json.loads(line)

    def keep(self, printed: bytes) -> None:
        """Write to the log while there is room in it."""
        room = LOG_BYTES - self.log.tell()
        if room > 0:
            self.log.write(printed[:room])
            self.log.flush()

    def logged(self) -> str:
        """Read the log as text."""
        return Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def stop(self, grace: float = 0.0) -> int:
        """Ask the child to end, kill it with its session after `grace` seconds; answer with its exit code."""
        if grace and self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        if self.process.poll() is None:
            self.process.kill()
        code = self.wait()
        if self.own_session:
            self._end_session()
        return code

    def _end_session(self) -> None:
        """Kill what the child has left, even if it ended well: a child of its own may still be there."""
        until = time.monotonic() + GONE_SECONDS
        with suppress(ProcessLookupError, PermissionError):  # macOS does not permit signals to what is dying
            while time.monotonic() < until:
                os.killpg(self.process.pid, signal.SIGKILL)
                time.sleep(0.02)

    def wait(self) -> int:
        """Wait for the end of the child; answer with its exit code, negative for a signal."""
        return self.process.wait()

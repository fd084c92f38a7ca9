"""Starts the engine as a child in its own session and reads its events; for the supervisor and the command line."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from searches.engine.events import Event, Progress, from_document
from searches.engine.executors.process_executor import environment
from searches.engine.result_cache import BYTES

COMMAND = (sys.executable, "-m", "searches.engine")
STOP_SECONDS = 5.0  # between asking and killing
GONE_SECONDS = 2.0  # for killed evaluators to disappear; some systems never reap them, so not for ever
LOG = "engine.log"
LOG_BYTES = 2**20  # a candidate may print as much as it likes; more than this is not kept


class EngineProcess:
    """A running engine. ``events`` may be read in one thread while another one stops it."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int, log: BinaryIO) -> None:
        self.process = process
        self.descriptor = descriptor
        self.log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    def events(self) -> Iterator[Event | Progress]:
        """What it reports, until it ends; its log is written on the way. A reader that waits makes the engine wait."""
        output = self.process.stdout
        assert output is not None
        rest = b""
        with selectors.DefaultSelector() as selector, self.log:
            selector.register(self.descriptor, selectors.EVENT_READ)
            selector.register(output, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    received = os.read(key.fd, 1 << 16)
                    if not received:
                        selector.unregister(key.fd)
                        os.close(key.fd) if key.fd == self.descriptor else output.close()
                    elif key.fd == self.descriptor:
                        *rows, rest = (rest + received).split(b"\n")
                        yield from (from_document(json.loads(row)) for row in rows)
                    else:
                        self.keep(received)

    def keep(self, printed: bytes) -> None:
        room = LOG_BYTES - self.log.tell()
        if room > 0:
            self.log.write(printed[:room])
            self.log.flush()

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Asks it to end, kills it with its evaluators if it does not; answers with the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        if self.process.poll() is None:
            self.process.kill()
        # The group even if the engine ended well: an evaluator of one that was killed may still be there.
        code = self.wait()
        until = time.monotonic() + GONE_SECONDS
        with suppress(ProcessLookupError):
            while time.monotonic() < until:
                os.killpg(self.process.pid, signal.SIGKILL)
                time.sleep(0.02)
        return code

    def wait(self) -> int:
        return self.process.wait()


def start(
    spec: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    folder: Path,
    workers: int,
    *,
    elapsed: float = 0.0,
    cache: Path | None = None,
    cache_bytes: int = BYTES,
) -> EngineProcess:
    """Goes on with a search behind ``history`` (a new one: empty), with ``folder`` for weights and the log."""
    folder.mkdir(parents=True, exist_ok=True)
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[theirs],
        start_new_session=True,
        env=environment(),
    )
    os.close(theirs)
    document = {
        "spec": dict(spec),
        "history": [dict(entry) for entry in history],
        "folder": str(folder),
        "workers": workers,
        "events_fd": theirs,
        "parent": os.getpid(),
        "elapsed": elapsed,
        "cache": None if cache is None else str(cache),
        "cache_bytes": cache_bytes,
    }
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin:  # it died at once: its exit code and log will tell
        process.stdin.write(json.dumps(document, allow_nan=False).encode())
    return EngineProcess(process, ours, (folder / LOG).open("ab"))

"""Starts the engine as a child process and reads its events; for the supervisor and the command line."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nasportal.lib.child_process import ChildProcess
from searches.engine.events import Event, Progress, from_document
from searches.engine.result_cache import BYTES

COMMAND = (sys.executable, "-m", "searches.engine")
STOP_SECONDS = 5.0  # between asking and killing
LOG = "engine.log"


class EngineProcess(ChildProcess):
    """A running engine. ``events`` may be read in one thread while another one stops it."""

    def events(self) -> Iterator[Event | Progress]:
        """Yield what the engine reports until it ends; its log is written on the way."""
        for row in self.lines():
            if row is not None:
                yield from_document(json.loads(row))

    def stop(self, grace: float = STOP_SECONDS) -> int:
        """Ask the engine to end, kill it with its evaluators if it does not; answer with the exit code."""
        return super().stop(grace)


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
    channel = os.pipe()
    document = {
        "spec": dict(spec),
        "history": [dict(entry) for entry in history],
        "folder": str(folder),
        "workers": workers,
        "events_fd": channel[1],
        "parent": os.getpid(),
        "elapsed": elapsed,
        "cache": None if cache is None else str(cache),
        "cache_bytes": cache_bytes,
    }
    written = json.dumps(document, allow_nan=False).encode()
    return EngineProcess(COMMAND, log=folder / LOG, document=written, channel=channel)

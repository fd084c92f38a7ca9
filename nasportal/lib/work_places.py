"""Places for work that has no row of its own: files of this machine that a process locks while it works.

    with place("previews") as is_free:
        if not is_free:
            return "this machine has no free place"

The kernel unlocks the file of a process that ends, however it ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

from nasportal.lib import machine


@contextmanager
def place(kind: str) -> Iterator[bool]:
    """Hold a place of this kind of work on this machine; False where all are taken."""
    with ExitStack() as held:
        yield any(_is_locked(held.enter_context(path.open("a"))) for path in _files(kind))


def taken(kind: str) -> int:
    """Count the places of this kind that are taken on this machine."""
    with ExitStack() as held:
        return sum(not _is_locked(held.enter_context(path.open("a"))) for path in _files(kind))


def _files(kind: str) -> list[Path]:
    folder = Path(settings.DATA_DIR) / "places"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    host = machine.this_process().host
    return [folder / f"{host}-{kind}-{number}" for number in range(settings.WORK_PLACES[kind])]


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

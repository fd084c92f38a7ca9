"""The request to stop, seen by every process that is forked after this module was imported.

django-q2 waits for a running task when it is asked to stop, and cannot inform the task. One byte of shared memory
does: the process that receives SIGTERM sets it, the supervisor in a forked worker looks at it twice per second. It has
no lock that a killed process could keep.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import RawValue
from threading import current_thread, main_thread
from typing import Any

_requested = RawValue("b", 0)


def request() -> None:
    """Asks every supervisor of this process and of its forks to give its run back and to stop."""
    _requested.value = 1


def is_requested() -> bool:
    return bool(_requested.value)


@contextmanager
def asked_by_sigterm() -> Iterator[None]:
    """Within it a SIGTERM to this very process is a request to stop, too, instead of its end."""
    if current_thread() is not main_thread():
        yield
        return

    def note(signum: int, frame: Any) -> None:
        request()

    before = signal.signal(signal.SIGTERM, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

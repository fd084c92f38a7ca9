"""Guards of an evaluator process: it keeps within its memory, and keeps its protocol clean."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from nasportal.lib import machine


@contextmanager
def limited_memory(limit_bytes: int | None) -> Iterator[None]:
    """Allocations past the limit fail inside this process, instead of waking the kernel's out-of-memory killer.

    Only round a training: libraries that are being imported spin for ever when they get no memory. Where the system
    does not say what a process holds (outside Linux) nothing is limited.
    """
    held = machine.private_bytes()
    if limit_bytes is None or held is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (held + limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def protocol_streams(descriptor: int | None) -> tuple[TextIO, TextIO]:
    """Jobs come in, messages go out; afterwards a library's print lands in the log and reading stdin gives nothing."""
    jobs = os.fdopen(os.dup(0), "r", encoding="utf-8")
    messages = os.fdopen(os.dup(1) if descriptor is None else descriptor, "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return jobs, messages

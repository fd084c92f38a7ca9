"""Guards of an evaluator process: it dies with its parent, keeps within its memory, and keeps its protocol clean."""

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int | None) -> None:
    """SIGKILL when the starting thread's process ends; ``parent`` closes the gap between its fork and this call."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):  # Linux; elsewhere the end of stdin ends the loop
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        raise SystemExit("the process that started this evaluator is gone")


@contextmanager
def limited_memory(limit_bytes: int | None) -> Iterator[None]:
    """Allocations past the limit fail inside this process, instead of waking the kernel's out-of-memory killer.

    Only round a training: libraries that are being imported spin for ever when they get no memory.
    """
    if limit_bytes is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (private_bytes() + limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def private_bytes() -> int:
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def protocol_streams(descriptor: int | None) -> tuple[TextIO, TextIO]:
    """Jobs come in, messages go out; afterwards a library's print lands in the log and reading stdin gives nothing."""
    jobs = os.fdopen(os.dup(0), "r", encoding="utf-8")
    messages = os.fdopen(os.dup(1) if descriptor is None else descriptor, "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return jobs, messages

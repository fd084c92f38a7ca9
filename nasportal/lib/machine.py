"""Facts about this machine and the processes on it, asked in one place; standard library and psutil, no Django.

What only Linux knows is empty elsewhere: no function here fails because a system lacks it.
"""

import ctypes
import os
import platform
import signal
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

PR_SET_NAME = 15
IDLE = "nas-idle"  # the names of a task cluster's worker: it waits for a task,
BUSY = "nas-busy"  # or is at one

# Looked up before any fork: a child must not search for libraries.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


def cores() -> int:
    """Count the cores that the scheduler allows this process, often fewer in a container than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def memory_bytes() -> int:
    """Read how much memory the machine has, or the control group of this process where that is less."""
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    total: int = psutil.virtual_memory().total
    return min(total, int(limit)) if limit.isdecimal() else total


@cache
def processor() -> str:
    """Name the processor as the system calls it; empty where the system does not say."""
    names = [row.partition(":")[2].strip() for row in _cpu_rows() if row.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor()


@cache
def processor_flags() -> frozenset[str]:
    """Collect the instruction set extensions of the processor; empty outside Linux."""
    return frozenset(next((row.split() for row in _cpu_rows() if row.startswith("flags")), []))


def _cpu_rows() -> list[str]:
    return _read("/proc/cpuinfo").splitlines()


def private_bytes() -> int | None:
    """Read how much memory in bytes belongs to this process alone; None outside Linux."""
    rows = [row.split() for row in _read("/proc/self/status").splitlines()]
    return next((int(row[1]) * 1024 for row in rows if row[:1] == ["VmData:"]), None)


def has_prctl() -> bool:
    """Tell whether a process can ask to die with its parent, and to adopt orphans (Linux)."""
    return _prctl is not None


def prctl(option: int, value: int | ctypes.c_char_p) -> None:
    """Set an option of this process as prctl(2) does; nothing happens where there is no such call."""
    if _prctl is not None:
        _prctl(option, value)


def call_this_process(name: str) -> None:
    """Give this process a name of at most 15 bytes, as `psutil.Process.name` reads it; Linux only.

    Call it in the main thread: each thread has a name of its own, and the first one's is the process's.
    """
    prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()))


def can_supervise() -> bool:
    """Tell whether a process here can wait for signals with a time limit and adopt orphans, as the portal's must."""
    return has_prctl() and hasattr(signal, "sigtimedwait")


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that no other one is taken for: neither a later one of the same number nor one in another container."""

    host: str
    pid: int
    boot_id: str  # of the kernel's start; empty outside Linux, as are the next two
    pid_namespace: str
    started: int | None  # clock ticks since the kernel's start, so that no change of the clock moves it


def this_process() -> ProcessIdentity:
    """Identify the calling process."""
    pid = os.getpid()
    return ProcessIdentity(socket.gethostname(), pid, boot_id(), pid_namespace(), process_started(pid))


@cache
def boot_id() -> str:
    """Read the random name of the kernel's current start; empty outside Linux."""
    return _read("/proc/sys/kernel/random/boot_id").strip()


def pid_namespace() -> str:
    """Name the namespace in which this process counts processes, as `pid:[4026531836]`; empty outside Linux."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def process_started(pid: int) -> int | None:
    """Read in clock ticks since the kernel's start when a process started; None if it has ended or cannot be seen."""
    # The name of the program comes second, in brackets, and may hold anything.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if fields and fields[0] not in ("Z", "X") else None


def is_gone(process: ProcessIdentity) -> bool:
    """Tell whether the process is proved to have ended; False where this process cannot know it."""
    here = (boot_id(), pid_namespace())
    if not all(here) or process.started is None or (process.boot_id, process.pid_namespace) != here:
        return False
    started = process_started(process.pid)
    if started is not None:
        return started != process.started
    return not psutil.pid_exists(process.pid) or _is_zombie(process.pid)


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False  # hidden from this user, or gone at this very moment: the next look will tell


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""

"""The C library's heap, set to keep what is freed for the next run.

By default glibc hands the end of its heap back to the system as soon as enough of it is free, and the next run faults
each of those pages in again: 400 to 1,000 faults an inference of one network in five, a tenth to a third of its time,
and in one measurement but not in the next. A C library without these functions does as it likes.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

# Names and numbers of malloc.h; man 3 mallopt.
M_TRIM_THRESHOLD, TRIM_BYTES = -1, 2**30
M_MMAP_THRESHOLD, MMAP_BYTES = -3, 2**25  # the largest that glibc's own adjustment would come to


def keep() -> bool:
    """Keeps freed memory with this process from now on; False where the C library has no such option."""
    mallopt = function("mallopt")
    return mallopt is not None and all(
        mallopt(option, size) for option, size in ((M_TRIM_THRESHOLD, TRIM_BYTES), (M_MMAP_THRESHOLD, MMAP_BYTES))
    )


def give_back() -> None:
    """Gives what is free now back to the system."""
    if (trim := function("malloc_trim")) is not None:
        trim(0)


@contextmanager
def kept() -> Iterator[None]:
    """Keeps while it lasts, and gives back at its end; the thresholds stay."""
    keep()
    try:
        yield
    finally:
        give_back()


def function(name: str) -> "ctypes._NamedFuncPointer | None":
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):
        return None  # not a system with one C library for all

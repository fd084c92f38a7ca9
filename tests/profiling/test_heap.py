"""Freed memory that stays with the process: no page is faulted in twice."""

import ctypes
import resource
import subprocess
import sys

import pytest

from profiling.meters import heap

ROUNDS = 20


def faults() -> int:
    """Of rounds that each take four blocks of 8 MB and free them, once the heap has grown."""
    import numpy as np

    def once() -> None:
        blocks = [np.ones(2**20) for _ in range(4)]
        del blocks

    once()
    once()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(ROUNDS):
        once()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def counted(way: str) -> int:
    program = f"from profiling.meters import heap; from tests.profiling.test_heap import faults; {way}; print(faults())"
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
def test_no_page_is_faulted_in_again() -> None:
    assert counted("pass") > 1000 * ROUNDS  # 8,192 pages a round
    assert counted("heap.keep()") < 10 * ROUNDS


def test_a_c_library_without_it_does_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "function", lambda name: None)
    assert not heap.keep()
    with heap.kept():
        pass

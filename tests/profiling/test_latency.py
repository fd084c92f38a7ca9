"""Measured latency: the correction, the spread check, the lock, the reference that is kept."""

import fcntl
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from profiling.meters import latency as meter
from profiling.meters.latency import (
    Rounds,
    latency,
    low,
    measure,
    one_at_a_time,
    reading,
    reference_ms,
    reference_network,
)
from tests.searches.evaluation.worlds import chain_network


@pytest.fixture(autouse=True)
def private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(meter.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def rounds(candidate: float, slowed: float = 1.0, count: int = 100) -> Rounds:
    """Both slowed alike, with a tail as a busy machine makes it."""
    noise = np.random.default_rng(0).exponential(0.02, (2, count))
    return Rounds(candidate * slowed * (1 + noise[0]), 0.2 * slowed * (1 + noise[1]))


def test_a_busy_machine_is_corrected() -> None:
    quiet, busy = reading(rounds(0.6), 0.2), reading(rounds(0.6, slowed=5), 0.2)
    assert busy.value == pytest.approx(quiet.value, rel=0.01)
    assert busy.value == pytest.approx(0.6, rel=0.02)
    assert busy.details["raw_p50_ms"] == pytest.approx(3.0, rel=0.1)
    assert busy.details["slowed_by"] == pytest.approx(5, rel=0.02)


def test_parts_that_disagree_are_not_steady() -> None:
    calm = rounds(0.6)
    drifting = Rounds(calm.candidate * np.linspace(1, 2, 100), calm.reference)
    assert reading(calm, 0.2).details["is_steady"] is True
    assert reading(drifting, 0.2).details["is_steady"] is False


def test_it_measures_until_the_parts_agree_or_the_time_is_up() -> None:
    calls = {"candidate": 0, "reference": 0}

    def count(name: str) -> None:
        calls[name] += 1

    found = measure(lambda: count("candidate"), lambda: count("reference"), nominal=1.0, most_seconds=0.3)
    assert len(found.candidate) >= meter.LEAST_ROUNDS
    assert calls["candidate"] > len(found.candidate)  # warmed up before
    assert calls["reference"] > len(found.reference)


@pytest.mark.slow
def test_a_reference_that_is_slow_throughout_is_given_all_the_time() -> None:
    def counted(nominal: float) -> int:
        found = measure(
            lambda: None, lambda: None, nominal, most_seconds=4 * meter.LEAST_SECONDS, clock=lambda run: 1.0
        )
        return len(found.candidate)

    assert counted(nominal=0.5) > counted(nominal=1.0)


def test_the_reference_is_not_timed_with_cold_caches() -> None:
    is_cold = False

    def candidate() -> None:
        nonlocal is_cold
        is_cold = True

    def reference() -> None:
        nonlocal is_cold
        if is_cold:
            time.sleep(0.002)
        is_cold = False

    assert np.median(measure(candidate, reference, nominal=1.0, most_seconds=0.3).reference) < 1


def test_low_times_ignore_the_tail() -> None:
    assert low(np.array([1.0] * 50 + [100.0] * 50)) == 1.0
    assert low(np.array([3.0, 1.0, 2.0, 9.0])) == 2.0  # of few the mean of three


@pytest.mark.slow
def test_a_larger_network_takes_longer() -> None:
    from architectures.nets.module import build

    small, large = chain_network(7), chain_network(0)  # 17 and 42 nodes
    first = latency(build(small, 0), small.input_shape, most_seconds=0.5)
    second = latency(build(large, 0), large.input_shape, most_seconds=0.5)
    assert (first.how, first.unit) == ("measured", "ms")
    assert 0 < first.value < second.value
    assert first.details["reference_ms"] == second.details["reference_ms"]


def test_the_references_own_time_is_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(meter, "REFERENCE_SECONDS", 0.05)
    reference = reference_network()
    first = reference_ms(tmp_path, reference)
    monkeypatch.setattr(meter, "timed", lambda run: 1 / 0)
    assert reference_ms(tmp_path, reference) == first


def test_a_reference_of_another_machine_is_measured_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(meter, "REFERENCE_SECONDS", 0.05)
    (tmp_path / "reference.json").write_text('{"machine": "another", "milliseconds": 1000000}')
    assert reference_ms(tmp_path, reference_network()) < 1000


def test_one_measurement_runs_at_a_time() -> None:
    entered = threading.Event()

    def second() -> None:
        with one_at_a_time():
            entered.set()

    with one_at_a_time() as folder:
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.2)
        with (folder / "lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    thread.join(10)
    assert entered.is_set()


def test_anothers_lock_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter.os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to another user; remove it"), one_at_a_time():
        pass

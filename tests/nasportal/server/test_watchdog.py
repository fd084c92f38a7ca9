"""The watchdog's judgement: what it takes for a broken cluster, and what for a busy one."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import psutil
import pytest
from django.utils.timezone import now
from django_q.models import OrmQ, Task

from nasportal.server.watchdog import (
    CANARY_PATIENCE_SECONDS,
    CANARY_SECONDS,
    Canary,
    Watchdog,
    has_idle_worker,
    members_of,
)
from tests.support.portal import wait_until

# A cluster as django-q2 builds one: a sentinel, below it three workers, a monitor and a pusher.
CLUSTER = """
import subprocess, sys, time
def start(code): return subprocess.Popen([sys.executable, "-c", code])
sleep = "import time; time.sleep(60)"
busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', %r])" % sleep
waiting = "import time; from nasportal.lib import machine; machine.call_this_process(machine.BUSY); time.sleep(60)"
starts = "import subprocess, sys, time; [subprocess.Popen([sys.executable, '-c', code]) for code in %r]; time.sleep(60)"
start(starts % [busy, busy, {"busy": busy, "idle": sleep, "waiting": waiting}[sys.argv[1]], sleep, sleep])
time.sleep(60)
"""
WORKERS = 3
MEMBERS = WORKERS + 3


def cluster_of(kind: str) -> Iterator[psutil.Process]:
    started = psutil.Process(subprocess.Popen([sys.executable, "-c", CLUSTER, kind]).pid)
    expected = MEMBERS + 1 + (3 if kind == "busy" else 2)
    try:
        wait_until(lambda: len([started, *started.children(recursive=True)]) == expected)
        yield started
    finally:
        for process in [*started.children(recursive=True), started]:
            process.kill()


@pytest.fixture
def cluster() -> Iterator[psutil.Process]:
    yield from cluster_of("idle")


@pytest.fixture
def busy_cluster() -> Iterator[psutil.Process]:
    yield from cluster_of("busy")


def test_a_whole_cluster_is_well_until_one_of_its_processes_is_gone(cluster: psutil.Process) -> None:
    watchdog = Watchdog(WORKERS)
    assert watchdog.fault(cluster) == ""
    lost = cluster.children()[0].children()[1]
    lost.kill()
    wait_until(lambda: lost.pid not in members_of(cluster))
    assert watchdog.fault(cluster) == f"its process {lost.pid} is gone"


def test_what_a_worker_starts_and_ends_is_no_member(busy_cluster: psutil.Process) -> None:
    watchdog = Watchdog(WORKERS)
    assert watchdog.fault(busy_cluster) == ""
    assert len(members_of(busy_cluster)) == MEMBERS


def test_a_cluster_that_never_becomes_whole_is_broken(cluster: psutil.Process) -> None:
    watchdog = Watchdog(WORKERS + 1)
    assert watchdog.fault(cluster) == ""
    watchdog.since -= 61
    assert watchdog.fault(cluster) == f"{MEMBERS} processes instead of {MEMBERS + 1}"


def test_a_cluster_that_has_ended_is_left_to_the_supervisor() -> None:
    assert Watchdog(WORKERS).fault(None) == ""


def test_a_new_cluster_is_judged_anew(cluster: psutil.Process) -> None:
    watchdog = Watchdog(WORKERS, cluster=1, members=frozenset({1, 2, 3}))
    assert watchdog.fault(cluster) == ""
    assert watchdog.members == members_of(cluster)


def test_a_worker_without_a_child_is_idle(cluster: psutil.Process) -> None:
    assert has_idle_worker(cluster)


def test_no_worker_is_idle_while_each_has_a_child(busy_cluster: psutil.Process) -> None:
    assert not has_idle_worker(busy_cluster)


def test_a_worker_that_waits_for_a_foreign_host_is_not_idle() -> None:
    for cluster in cluster_of("waiting"):
        wait_until(lambda: not has_idle_worker(cluster))  # noqa: B023  (the loop has one round)


def ended(pk: str, seconds_ago: float) -> Task:
    stopped = now() - timedelta(seconds=seconds_ago)
    return Task.objects.create(
        id=pk, name=pk, func="searches.tasks.canary", started=stopped, stopped=stopped, success=True
    )


@pytest.fixture
def overdue(db: None) -> Canary:
    """A canary that was sent and has waited for longer than is well."""
    canary = Canary()
    assert canary.fault(lambda: True) == ""
    assert OrmQ.objects.count() == 1
    canary.sent -= CANARY_PATIENCE_SECONDS + 5
    return canary


def test_a_task_that_nobody_takes_though_a_worker_is_idle_is_a_fault(overdue: Canary) -> None:
    assert overdue.fault(lambda: True) == "a worker is idle, but a small task has waited for 35 s"


def test_a_task_that_waits_for_busy_workers_is_none(overdue: Canary) -> None:
    assert overdue.fault(lambda: False) == ""


def test_a_task_that_waits_its_turn_behind_others_is_none(overdue: Canary) -> None:
    ended("other", seconds_ago=2)
    assert overdue.fault(lambda: True) == ""


def test_the_next_task_is_sent_only_after_the_last_was_done_and_some_time(overdue: Canary) -> None:
    first = overdue.task
    ended(first, seconds_ago=1)
    assert overdue.fault(lambda: True) == ""
    assert overdue.task != first
    ended(overdue.task, seconds_ago=0)
    second, overdue.sent = overdue.task, time.monotonic() - CANARY_SECONDS + 5
    assert overdue.fault(lambda: True) == ""
    assert overdue.task == second

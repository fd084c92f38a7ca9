"""The contract of every row that is worked on under a lease: runs, replays, repositories and jobs of devices."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from codegen.models import Repository
from nasportal.lib import machine
from nasportal.lib.leases import Leased, owner_name
from nasportal.lib.machine import ProcessIdentity
from profiling.models import Device, DeviceJob
from searches.models import Replay, SearchRun
from searches.models.status import Status
from searches.supervision import reaper
from tests.support.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[SearchRun, Replay, Repository, DeviceJob], ids=lambda model: model.__name__)
def row(request: pytest.FixtureRequest, world: World) -> Leased:
    """A row of each model that has work and no owner."""
    if request.param is SearchRun:
        return world.run
    if request.param is Replay:
        return Replay.objects.create(owner=world.alice, table_name="table.csv", question={})
    if request.param is Repository:
        return Repository.objects.create(owner=world.alice, name="made", request={}, request_sha256="0" * 64)
    device = Device.objects.create(owner=world.alice, name="board", kind="phone")
    return DeviceJob.objects.create(device=device, fingerprint="0" * 64, graph="", purpose="test")


def rows(row: Leased) -> Any:
    return type(row)._default_manager.filter(pk=row.pk)  # type: ignore[attr-defined]


def claim(row: Leased, **more: Any) -> int | None:
    row.refresh_from_db()
    taken: int | None = rows(row).claim(row, seconds=60, status=row.UNDER_LEASE[0], **more)
    return taken


def end(row: Leased) -> None:
    rows(row).update(lease_until=timezone.now() - timedelta(seconds=1))


@contextmanager
def in_another_process() -> Iterator[subprocess.Popen[bytes]]:
    """What is claimed within is claimed by the process that it yields."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    here = machine.this_process()
    other = ProcessIdentity(
        here.host, process.pid, here.boot_id, here.pid_namespace, machine.process_started(process.pid)
    )
    with patch("nasportal.lib.machine.this_process", lambda: other):
        yield process
    process.kill()
    process.wait()


def test_of_two_who_read_the_same_row_one_wins(row: Leased) -> None:
    row.refresh_from_db()
    changes = {"seconds": 60, "status": row.UNDER_LEASE[0]}
    assert [rows(row).claim(row, **changes), rows(row).claim(row, **changes)] == [1, None]


def test_a_lease_carries_its_owner(row: Leased) -> None:
    claim(row)
    row.refresh_from_db()
    assert row.lease_owner == owner_name()
    assert row.lease_process == machine.this_process()


def test_a_named_owner_is_no_process_of_this_machine(row: Leased) -> None:
    claim(row)
    end(row)
    claim(row, owner="elsewhere/7")
    row.refresh_from_db()
    assert row.lease_owner == "elsewhere/7"
    assert row.lease_process == ProcessIdentity("elsewhere", 0, "", "", None)


def test_a_live_lease_is_not_taken_unless_that_is_meant(row: Leased) -> None:
    assert claim(row) == 1
    assert not rows(row).claimable().exists()
    assert claim(row) is None
    assert claim(row, from_live=True) == 2


def test_an_owner_that_prolonged_its_lease_keeps_it_though_the_row_was_read_before(row: Leased) -> None:
    token = claim(row)
    end(row)
    row.refresh_from_db()
    assert rows(row).prolong(token, seconds=60)
    assert rows(row).claim(row, seconds=60) is None


def test_a_lease_that_ended_is_taken_over_and_the_late_owner_changes_nothing(row: Leased) -> None:
    late = claim(row)
    end(row)
    assert rows(row).claimable().exists()
    newest = claim(row)
    assert not rows(row).held(late).exists()
    assert not rows(row).prolong(late, seconds=60)
    assert not rows(row).release(late)
    assert rows(row).prolong(newest, seconds=60)
    assert rows(row).leased().exists()


def test_a_released_lease_is_free_and_its_token_opens_nothing_more(row: Leased) -> None:
    token = claim(row)
    assert rows(row).release(token, status=row.WITH_WORK[0])
    assert not rows(row).release(token)
    assert claim(row) == 2


def test_a_dead_owner_is_told_from_a_slow_one(row: Leased) -> None:
    with in_another_process() as owner:
        token = claim(row)
        assert rows(row).end_dead() == 0
        owner.kill()
        owner.wait()
        assert rows(row).end_dead() == 1
    assert rows(row).end_dead() == 0
    assert rows(row).claimable().exists()
    assert rows(row).held(token).exists()  # nobody else has claimed it yet: what was made may still be kept


@pytest.mark.parametrize("name", ["lease_boot_id", "lease_pid_namespace"])
def test_nothing_is_said_of_owners_elsewhere(row: Leased, name: str) -> None:
    with in_another_process():
        claim(row)
    rows(row).update(**{name: "another"})
    assert rows(row).end_dead() == 0
    assert rows(row).leased().exists()


def test_the_work_of_a_killed_process_waits_for_no_lease_to_end(world: World) -> None:
    with in_another_process():
        claim(world.run)
    assert reaper.end_leases_of_the_dead() == 1
    assert list(SearchRun.objects.claimable()) == [world.run]
    world.run.refresh_from_db()
    assert world.run.status == Status.RUNNING  # whoever claims it says so

"""What is kept: events are cut in whole prefixes, weights that no front holds go; a full disk pauses runs."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from searches.models import Event, SearchRun
from searches.models.status import Status
from searches.selectors.repository_request import NothingToDeliver, request_of
from searches.supervision import disk as storage
from searches.supervision import reaper, retention
from searches.supervision.leases import run_settle
from searches.supervision.supervisor import RunSupervisor
from tests.support.invariants import bad_files, gaps
from tests.support.world import World, claim


@pytest.fixture
def old(world: World) -> SearchRun:
    SearchRun.objects.filter(pk=world.finished.pk).update(finished=timezone.now() - timedelta(days=9))
    world.finished.refresh_from_db()
    return world.finished


def test_nothing_is_cut_below_the_quota(old: SearchRun) -> None:
    assert retention.retain() == {"events": 0, "files": 0, "activity": 0}


def test_events_are_cut_as_a_whole_prefix(old: SearchRun, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EVENTS_KEPT = 0
    monkeypatch.setattr(retention, "LAST_EVENTS", 5)
    monkeypatch.setattr(retention, "CUT_AT_ONCE", 7)
    before = old.events.count()
    assert retention.events_cut() == before - 5
    old.refresh_from_db()
    assert old.first_seq == old.seq - 4
    assert list(gaps(old)) == []


def test_what_a_snapshot_shows_of_the_events_stays(
    old: SearchRun, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENTS_KEPT = 0
    monkeypatch.setattr(retention, "LAST_EVENTS", 5)
    verdict = old.events.get(seq=3)
    Event.objects.filter(pk=verdict.pk).update(kind="SupernetJudged")
    retention.events_cut()
    assert list(old.events.filter(seq__lt=old.seq - 4)) == [verdict]


def test_a_run_that_ended_lately_or_lives_is_left_alone(world: World, settings: Any) -> None:
    settings.EVENTS_KEPT = settings.CHECKPOINT_BYTES_KEPT = 0
    count = Event.objects.count()
    assert retention.retain() == {"events": 0, "files": 0, "activity": 0}
    assert Event.objects.count() == count


def test_weights_of_the_front_and_the_choice_stay(old: SearchRun, settings: Any) -> None:
    settings.CHECKPOINT_BYTES_KEPT = 0
    before = {path.name for path in (old.folder / "weights").iterdir()}
    old.evaluations.filter(number__lt=4).update(is_on_front=False)
    held = old.evaluations.with_weights().exclude(number=old.chosen_number)
    others = held.filter(is_on_front=False).count()
    assert others > 1
    assert retention.checkpoints_cut() == others
    assert len(before) - others == len(list((old.folder / "weights").iterdir()))
    assert list(bad_files(old)) == []
    assert list(old.lines())  # the history is as it was
    assert retention.checkpoints_cut() == 0
    cut = old.evaluations.filter(status="done").exclude(files__has_key="weights").first()
    assert cut is not None
    assert cut.candidate is not None
    with pytest.raises(NothingToDeliver, match="weights"):
        request_of(cut.candidate, "alice")


def disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda path: SimpleNamespace(free=free, total=10**12, used=0))


def test_a_full_disk_pauses_a_run_which_goes_on_once_there_is_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = claim(world.run)
    disk(monkeypatch, 10 * 2**20)
    assert RunSupervisor(held)._goes_on() is False
    assert run_settle(claim=held) == Status.PAUSED
    world.run.refresh_from_db()
    assert world.run.reason == (
        "storage full: less than 200 MiB are free. The run continues by itself once there is room"
    )
    assert reaper.resume_paused_by_storage() == 0
    disk(monkeypatch, 250 * 2**20)
    assert reaper.resume_paused_by_storage() == 0  # at the edge: not yet
    disk(monkeypatch, 10**10)
    assert reaper.resume_paused_by_storage() == 1
    world.run.refresh_from_db()
    assert (world.run.status, world.run.reason) == (Status.QUEUED, "")


def test_a_users_own_pause_is_not_lifted(world: World) -> None:
    SearchRun.objects.filter(pk=world.run.pk).update(status=Status.PAUSED)
    assert reaper.resume_paused_by_storage() == 0

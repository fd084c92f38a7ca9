"""Messages may be lost, doubled, turned round or late: the rows say what there is to do."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pydoc import locate
from random import Random
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from searches import services, tasks
from searches.models import SearchRun
from searches.models.status import Status
from searches.supervision import reaper
from tests.support import formula_engine, invariants
from tests.support.world import World, spec, work

Committing = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def by_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that do not train."""
    monkeypatch.setattr("searches.engine.engine_process.COMMAND", formula_engine.COMMAND)


@pytest.fixture
def committing(django_capture_on_commit_callbacks: Any) -> Committing:
    """A block whose messages are sent."""
    return lambda: django_capture_on_commit_callbacks(execute=True)  # type: ignore[no-any-return]


def waiting() -> list[tuple[str, tuple[int, ...]]]:
    return [(message.task["func"], message.task["args"]) for message in OrmQ.objects.order_by("pk")]


def deliver(func: str, args: tuple[int, ...]) -> str:
    """As a worker of the cluster does it."""
    return str(locate(func)(*args))  # type: ignore[operator]


def test_the_reaper_rings_again_when_the_brokers_table_was_emptied(world: World, committing: Committing) -> None:
    with committing():
        run = services.run_create(project=world.project, spec=spec(), name="lost", by=world.alice)
    assert waiting() == [("searches.tasks.supervise", (run.pk,))]
    OrmQ.objects.all().delete()
    services.run_cancel(run=world.run, by=world.alice)
    with committing():
        assert reaper.reap() == 1
    assert waiting() == [("searches.tasks.supervise", (run.pk,))]
    with committing():
        assert reaper.reap() == 0  # the message that waits will do
    assert len(waiting()) == 1


def test_a_run_whose_supervisor_is_gone_with_its_message_is_rung_for(world: World, committing: Committing) -> None:
    work(world.run, events=20)
    with committing():
        assert reaper.reap() == 0  # its lease is alive
    SearchRun.objects.filter(pk=world.run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    with committing():
        assert reaper.reap() == 1
    assert waiting() == [("searches.tasks.supervise", (world.run.pk,))]


@pytest.mark.slow
def test_messages_in_any_order_each_of_them_five_times(world: World, committing: Committing, by_formula: None) -> None:
    with committing():
        for number in range(2):
            services.run_create(project=world.project, spec=spec(), name=f"run {number}", by=world.alice)
    runs = SearchRun.objects.filter(status=Status.QUEUED)  # with the one of the world, whose message was lost
    messages = 5 * waiting()
    Random(1).shuffle(messages)
    answers = [deliver(*message) for message in messages]
    said = sorted(answer.partition(": ")[2] for answer in answers)
    assert said == 7 * ["nothing waits, or this machine has enough to do"] + 3 * ["the engine said its last word"]
    assert not runs.exists()
    for run in SearchRun.objects.all():
        assert invariants.broken(run, history_sha256=world.finished.history_sha256) == []
        begun = run.events.filter(kind="StatusChanged", payload__status=Status.RUNNING)
        assert begun.count() == 1


@pytest.mark.parametrize("end", ["finished", "cancelled", "failed", "deleted"])
def test_a_message_after_the_end_does_nothing(world: World, end: str) -> None:
    run = world.finished
    if end == "failed":
        SearchRun.objects.filter(pk=run.pk).update(status=Status.FAILED)
    else:
        services.run_cancel(run=world.run, by=world.alice)
        run = world.run if end in ("cancelled", "deleted") else run
    if end == "deleted":
        services.run_delete(run=run, by=world.alice)
    elif end == "failed":
        services.run_cancel(run=world.run, by=world.alice)
    before = list(SearchRun.objects.order_by("pk").values())
    said = tasks.supervise(run.pk)
    assert said == f"rung for run {run.pk}: nothing waits, or this machine has enough to do"
    assert list(SearchRun.objects.order_by("pk").values()) == before

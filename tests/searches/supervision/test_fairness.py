"""Whose turn it is: equal shares for users, whatever they have queued, and each run started once."""

from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from searches.models import Project, SearchRun
from searches.models.status import Status
from searches.supervision import leases
from tests.support.world import World, spec, user

MACHINES, PLACES = 4, 5


def queue(owner: User, count: int, seconds_ago: int = 0) -> None:
    project = Project.objects.create(owner=owner, name=f"of {owner.username}", slug=owner.username)
    since = timezone.now() - timedelta(seconds=seconds_ago)
    document = spec().to_document()
    SearchRun.objects.bulk_create(
        SearchRun(project=project, name=f"{owner.username} {number}", spec=document, evaluations_total=1, queued=since)
        for number in range(count)
    )


def end(run: SearchRun) -> None:
    SearchRun.objects.filter(pk=run.pk).update(status=Status.FINISHED, finished=timezone.now(), lease_until=None)


def pick() -> SearchRun | None:
    """The next run, as ``run_claim`` picks it, at work."""
    run = SearchRun.objects.claimable().fairly_ordered().select_related("project").first()
    if run is not None:
        SearchRun.objects.filter(pk=run.pk).update(
            status=Status.RUNNING, started=timezone.now(), lease_until=timezone.now() + timedelta(hours=1)
        )
    return run


@pytest.mark.slow
def test_a_thousand_runs_of_fifty_users_start_once_each_in_equal_shares(db: None) -> None:
    for number in range(50):
        queue(user(f"user{number}"), 20, seconds_ago=number)  # whoever came first has queued all twenty before the next
    at_work: list[SearchRun] = []
    started: Counter[str] = Counter()
    seen: set[int] = set()
    while len(seen) < 1000:
        while len(at_work) < MACHINES * PLACES and (run := pick()):
            assert run.pk not in seen
            seen.add(run.pk)
            at_work.append(run)
            started[run.project.slug] += 1
        if len(seen) > 50:
            assert max(started.values()) - min(started.values()) <= 1
        end(at_work.pop(0))
    assert set(started.values()) == {20}
    assert pick() is None


def test_with_one_place_a_long_queue_does_not_keep_the_others_waiting(db: None) -> None:
    many, few, late = user("many"), user("few"), user("late")
    queue(many, 12, seconds_ago=90)
    queue(few, 2, seconds_ago=60)
    order = []
    for number in range(10):
        if number == 5:
            queue(late, 2)
        run = pick()
        assert run is not None
        order.append(run.project.slug)
        end(run)
    assert order == ["many", "few", "many", "few", "many", "late", "many", "late", "many", "many"]


def test_a_run_whose_slice_is_over_waits_until_the_others_had_their_turn(db: None) -> None:
    for name in ("one", "two"):
        queue(user(name), 1)
    order = []
    for _ in range(4):
        claim = leases.run_claim(owner="machine/1", seconds=60, runs_at_once=1)
        assert claim is not None
        order.append(SearchRun.objects.get(pk=claim.run_id).project.slug)
        leases.run_settle(claim=claim)
    assert order == ["one", "two", "one", "two"]


def test_machines_take_up_to_their_own_number_and_no_run_twice(db: None) -> None:
    for name in ("one", "two"):
        queue(user(name), 6)
    claims = [
        leases.run_claim(owner=f"machine{machine}/1", seconds=60, runs_at_once=2) for _ in range(3) for machine in "abc"
    ]
    won = [claim.run_id for claim in claims if claim]
    assert [claim is not None for claim in claims] == [True] * 6 + [False] * 3
    assert len(set(won)) == 6
    shares = {row["user"]: row for row in SearchRun.objects.all().shares()}
    assert {name: (row["queued_runs"], row["running"], row["share"]) for name, row in shares.items()} == {
        "one": (3, 3, 0.5),
        "two": (3, 3, 0.5),
    }


def test_the_administrators_see_the_shares(world: World, client: Client) -> None:
    world.alice.is_superuser = True
    world.alice.save()
    client.force_login(world.alice)
    leases.run_claim(owner="machine/1", seconds=60, runs_at_once=1)
    page = client.get("/administration/").content.decode()
    assert '<th scope="row" class="card-title">alice</th><td data-label="Queued" class="number">0</td>' in page
    assert '<td data-label="Share" class="number">100' in page

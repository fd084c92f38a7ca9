"""The example that a new portal begins with: a finished search of ours, whole, small, and ready to be delivered."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from nasportal.setup import prepare
from searches.models import Event, SearchRun
from searches.selectors.repository_request import request_of
from searches.supervision import example
from tests.support.invariants import broken

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(data: Path) -> User:
    return User.objects.create(username="admin", is_superuser=True)


def test_it_is_a_finished_run_with_nothing_missing(owner: User) -> None:
    run = example.load(owner=owner)
    assert run.status == "finished"
    assert run.evaluations_done >= 24
    assert run.front_size > 2
    assert (run.best_accuracy or 0) > 0.9
    assert len(run.history_sha256) == 64
    assert Event.objects.filter(run=run).count() == run.seq
    assert list(broken(run)) == []


def test_its_files_are_small() -> None:
    assert example.EVENTS.stat().st_size < 100_000
    assert example.WEIGHTS.stat().st_size < 1_000_000


def test_the_repository_of_its_choice_can_be_asked_for(owner: User) -> None:
    run = example.load(owner=owner)
    request = request_of(run.candidates.get(number=run.chosen_number), "admin")
    assert Path(request.weights).read_bytes() == example.WEIGHTS.read_bytes()


def test_its_pages_have_something_to_show(owner: User, client: Client) -> None:
    run = example.load(owner=owner)
    client.force_login(owner)
    for path in (
        "/",
        f"/runs/{run.pk}/",
        f"/runs/{run.pk}/candidates/",
        f"/runs/{run.pk}/candidates/{run.chosen_number}/",
    ):
        answer = client.get(path)
        assert answer.status_code == 200
    assert "Click a point of the" in client.get(f"/runs/{run.pk}/").content.decode()


def test_only_an_empty_portal_gets_it(owner: User, settings: Any) -> None:
    settings.EXAMPLE = True
    prepare.example(owner)
    prepare.example(owner)
    assert SearchRun.objects.count() == 1
    SearchRun.objects.all().delete()
    settings.EXAMPLE = False
    prepare.example(owner)
    assert not SearchRun.objects.exists()

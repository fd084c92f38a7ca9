"""Kinds of work and their places: bounds per machine, whose turn it is, and how much one user may queue."""

from typing import Any

import pytest
from django.conf import settings as portal_settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from codegen import tasks as codegen_tasks
from nasportal.admin.state import exposition, work
from nasportal.lib import work_kinds
from nasportal.lib.work_kinds import GIB, KINDS
from nasportal.lib.work_places import place, taken
from nasportal.lib.work_queue import Queued, QueueFull
from nasportal.server.courier import Courier
from searches import services, tasks
from searches.models import Replay
from searches.services import datasets as dataset_services
from tests.support.entered import entered
from tests.support.held_places import ROWS, waiting
from tests.support.world import World, spec

pytestmark = pytest.mark.django_db
NAMES = [kind.name for kind in KINDS]


def claimed(row: Queued) -> Any:
    rows: Any = type(row)._default_manager  # type: ignore[attr-defined]
    return rows.claim_in_turn(seconds=60, status=row.UNDER_LEASE[0])


def defaults(cores: int, gib: int) -> dict[str, int]:
    return {kind.name: kind.default_places(cores, gib * GIB) for kind in KINDS}


def test_each_kind_has_a_place_on_the_smallest_machine() -> None:
    smallest = defaults(cores=1, gib=1)
    assert smallest.pop("notifications") == 8  # they wait for other hosts, and need no core
    assert set(smallest.values()) == {1}


def test_the_courier_has_as_many_threads_as_administrators_are_shown_places() -> None:
    assert Courier().places == portal_settings.WORK_PLACES["notifications"]


def test_places_follow_cores_and_memory() -> None:
    large = {"searches": 4, "repositories": 4, "datasets": 3, "replays": 4, "previews": 1, "notifications": 8}
    assert defaults(cores=32, gib=64) == large
    assert defaults(cores=32, gib=8) == large | {"repositories": 2, "datasets": 2, "replays": 2}
    assert defaults(cores=8, gib=64) == large | {"repositories": 2, "datasets": 2, "replays": 2}


def test_a_variable_sets_the_places_and_never_below_one() -> None:
    given = {"NASPORTAL_REPLAYS_AT_ONCE": 7, "NASPORTAL_DATASETS_AT_ONCE": 0}
    places = work_kinds.places(lambda variable, default: given.get(variable, default))
    assert (places["replays"], places["datasets"]) == (7, 1)


def test_the_cluster_has_a_worker_for_each_place_and_one_for_messages() -> None:
    places = {kind.name: 3 for kind in KINDS}
    assert work_kinds.workers(places) == 3 * (len(KINDS) - 1) + 1  # notifications have a process of their own
    assert work_kinds.workers(portal_settings.WORK_PLACES) == portal_settings.Q_WORKERS


@pytest.mark.parametrize("kind", ROWS)
def test_no_more_is_claimed_than_this_machine_has_places(kind: str, world: World, settings: Any) -> None:
    settings.WORK_PLACES = dict.fromkeys(NAMES, 2)
    rows = [waiting(kind, world.alice) for _ in range(3)]
    first, second = claimed(rows[0]), claimed(rows[0])
    assert claimed(rows[0]) is None
    type(rows[0])._default_manager.filter(pk=first.pk).delete()  # type: ignore[attr-defined]
    assert claimed(rows[0]).pk not in (first.pk, second.pk)


@pytest.mark.parametrize("kind", ROWS)
def test_the_user_with_the_least_at_work_goes_first(kind: str, world: World, settings: Any) -> None:
    settings.WORK_PLACES = dict.fromkeys(NAMES, 9)
    rows = [waiting(kind, world.alice) for _ in range(3)] + [waiting(kind, world.bob)]
    order = [getattr(claimed(rows[0]), rows[0].QUEUED_BY) for _ in range(4)]
    assert order == [world.alice, world.bob, world.alice, world.alice]


@pytest.mark.parametrize("kind", ROWS)
def test_with_a_single_place_users_take_turns(kind: str, world: World, settings: Any) -> None:
    settings.WORK_PLACES = dict.fromkeys(NAMES, 1)
    rows = [waiting(kind, world.alice) for _ in range(3)] + [waiting(kind, world.bob)]
    order = []
    for _ in range(3):
        row = claimed(rows[0])
        order.append(getattr(row, row.QUEUED_BY))
        done = {"repositories": "failed", "replays": "finished", "datasets": "ready"}[kind]
        assert type(row)._default_manager.filter(pk=row.pk).release(row.lease_token, status=done)
    assert order == [world.alice, world.bob, world.alice]


def test_a_task_without_a_free_place_comes_back_at_once(world: World, settings: Any) -> None:
    settings.WORK_PLACES = dict.fromkeys(NAMES, 1)
    for kind in ROWS:
        row = waiting(kind, world.alice)
        assert claimed(row) is not None
        waiting(kind, world.bob)
    assert "no free place" in codegen_tasks.generate(1)
    assert tasks.replay(1) == "rung for replay 1: nothing to do"
    assert tasks.dataset_read(1) == "rung for dataset 1: nothing to do"
    with place("previews") as is_free:
        assert is_free
        assert tasks.dataset_portray("digits") == tasks.NO_PLACE
        assert taken("previews") == 1
    assert taken("previews") == 0


def test_administrators_see_places_queue_and_oldest_wait_of_each_kind(world: World, client: Client) -> None:
    for kind in ROWS:
        assert claimed(waiting(kind, world.alice)) is not None
        waiting(kind, world.bob)
    found = {each["kind"]: each for each in work()}
    assert list(found) == NAMES
    for kind in ROWS:
        assert (found[kind]["at_work"], found[kind]["queued"]) == (1, 1)
        assert found[kind]["oldest_seconds"] > 0
    assert (found["searches"]["queued"], found["searches"]["places"]) == (1, portal_settings.RUNS_AT_ONCE)
    text = exposition().decode()
    for name in ("places", "at_work", "queued", "oldest_seconds"):
        assert f'nasportal_work_{name}{{kind="repositories"}}' in text
    world.alice.is_superuser = True
    world.alice.save()
    client.force_login(world.alice)
    assert "Limit on this machine" in client.get("/administration/").content.decode()


class TestAFullQueue:
    """What one user may queue has a bound, and others still get in."""

    @pytest.fixture(autouse=True)
    def _two_each(self, settings: Any) -> None:
        settings.QUEUED_PER_USER = 2

    def test_a_search_is_refused_in_one_sentence(self, world: World) -> None:
        for by in (world.alice, world.bob, world.bob):
            services.run_create(project=world.project, spec=spec(), name="more", by=by)
        with pytest.raises(QueueFull, match="You have 2 searches that are queued or running, and may have at most 2"):
            services.run_create(project=world.project, spec=spec(), name="too many", by=world.bob)

    def test_the_page_and_the_api_refuse_a_search(self, world: World, client: Client) -> None:
        services.run_create(project=world.project, spec=spec(), name="more", by=world.alice)
        client.force_login(world.alice)
        document = {"project": world.project.slug, "name": "one more", "spec": spec().to_document()}
        answer = client.post("/api/v1/runs/", document, content_type="application/json")
        assert answer.status_code == 429
        assert "You have 2 searches" in answer.json()["detail"]
        for path in (f"/runs/{world.run.pk}/clone/", f"/projects/{world.project.slug}/new/"):
            page = client.post(path, entered(spec(), "one more"))
            assert page.status_code == 429
            assert "You have 2 searches" in page.content.decode()

    def test_the_page_and_the_api_refuse_a_repository(self, world: World, client: Client) -> None:
        for _ in range(2):
            waiting("repositories", world.alice)
        client.force_login(world.alice)
        number = world.finished.evaluations.with_weights().first().number  # type: ignore[union-attr]
        answer = client.post(
            f"/api/v1/runs/{world.finished.pk}/candidates/{number}/repository/", content_type="application/json"
        )
        assert answer.status_code == 429
        assert "You have 2 repositories" in answer.json()["detail"]

    def test_a_dataset_is_refused_and_its_file_does_not_stay(self, world: World) -> None:
        for _ in range(2):
            waiting("datasets", world.bob)
        with pytest.raises(ValidationError, match="You have 2 datasets that are queued or running"):
            dataset_services.dataset_upload(
                project=world.project, by=world.bob, file=SimpleUploadedFile("some.npz", b"x"), name="some"
            )
        assert list((portal_settings.DATA_DIR / "datasets/incoming").iterdir()) == []

    def test_a_control_that_the_portal_starts_itself_is_not_counted_out(self, world: World) -> None:
        services.run_create(project=world.project, spec=spec(), name="more", by=world.alice)
        services.run_create(project=world.project, spec=spec(), name="own", by=world.alice, is_bounded=False)


def test_an_upload_whose_reader_was_killed_is_read_again_three_times(world: World) -> None:
    row = waiting("datasets", world.alice)
    type(row)._default_manager.filter(pk=row.pk).update(lease_token=dataset_services.ATTEMPTS)  # type: ignore[attr-defined]
    assert dataset_services.dataset_read(pk=row.pk) == "refused"
    row.refresh_from_db()
    assert "killed 3 times" in row.reason


def test_a_replay_keeps_its_place_while_it_has_a_lease(world: World, settings: Any) -> None:
    settings.WORK_PLACES = dict.fromkeys(NAMES, 1)
    row = claimed(waiting("replays", world.alice))
    waiting("replays", world.bob)
    assert Replay.objects.waiting_for_free_places() == []
    assert Replay.objects.filter(pk=row.pk).release(row.lease_token, status="finished")
    assert len(Replay.objects.waiting_for_free_places()) == 1

"""The page of replays: what it asks, the job behind it, its stop, and who may see it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from searches.models import Replay, ReplayStatus
from searches.services import replays as replay_services
from searches.supervision import reaper
from searches.tabular.job import FIGURES, QUESTION, RESULTS, work
from tests.searches.tabular.test_replay import ROWS
from tests.support.world import World

ASKED = {
    "table": "", "code": "code", "search_on": "quality", "report": "reported", "minimise": "latency", "cost": "",
    "budget": "", "evaluations": "6", "repeats": "3", "seed": "1", "lag": "0", "algorithms": ["random_search", "nsga2"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_services, "async_task", lambda *arguments, **options: None)


@pytest.fixture
def page(world: World, client: Client) -> Client:
    client.force_login(world.alice)
    return client


def upload(name: str = "small.csv", content: bytes = ROWS.encode()) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def ask(page: Client, **changes: Any) -> Any:
    return page.post(reverse("searches:replays"), {"file": upload()} | ASKED | changes)


def asked(page: Client, **changes: Any) -> Replay:
    answer = ask(page, **changes)
    assert answer.status_code == 302, answer.content.decode()
    return Replay.objects.get(pk=int(answer.url.strip("/").split("/")[-1]))


def test_the_job_answers_with_the_figures_of_the_command(page: Client) -> None:
    replay = asked(page)
    assert replay.status == ReplayStatus.QUEUED
    assert replay_services.replay_work(pk=replay.pk) == "finished"
    replay.refresh_from_db()
    assert (replay.done, replay.total) == (6, 6)
    assert replay.figures["algorithms"]["nsga2"]["repeats"] == 3
    text = page.get(reverse("searches:replay", args=[replay.pk])).content.decode()
    assert "finished" in text
    assert "6 of 6 repeats" in text
    figures = page.get(reverse("searches:replay-figures", args=[replay.pk])).json()
    assert figures["optimum"] == 100
    assert figures["algorithms"]["random_search"]["curve"]
    assert replay_services.replay_work(pk=replay.pk) == "nothing to do"


def test_a_packed_table_and_one_of_the_server_are_taken(page: Client, tmp_path: Path, settings: Any) -> None:
    asked(page, file=upload("small.csv.gz", gzip.compress(ROWS.encode())))
    settings.TRUTH_DATA = str(tmp_path / "truth")
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "known.csv").write_text(ROWS)
    assert "server:known.csv" in page.get(reverse("searches:replays")).content.decode()
    assert asked(page, file="", table="server:known.csv").is_on_server
    assert "Select a table" in ask(page, file="", table="server:../known.csv").content.decode()


def test_an_uploaded_table_can_be_asked_again(page: Client) -> None:
    first = asked(page)
    again = asked(page, file="", table=f"own:{first.pk}", algorithms=["random_search"])
    assert replay_services.replay_work(pk=again.pk) == "finished"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search_on": "kwality"}, "has no column &#x27;kwality&#x27;"),
        ({"repeats": "5000"}, "must be a whole number from 1 to 500, but is &#x27;5000&#x27;"),
        ({"algorithms": []}, "Select at least one of"),
        ({"algorithms": ["darts"]}, "Select at least one of"),
        ({"file": SimpleUploadedFile("table.exe", b"MZ")}, "A table must be a .csv or .csv.gz file"),
        ({"cost": "time", "budget": "x"}, "must be a number above 0 where there is a cost"),
    ],
)
def test_what_is_wrong_is_said_by_the_form(page: Client, changes: dict[str, Any], message: str) -> None:
    answer = ask(page, **changes)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not Replay.objects.exists()


def test_what_only_the_table_tells_is_said_by_the_replay(page: Client) -> None:
    replay = asked(page, cost="0 - time", budget="5")
    assert replay_services.replay_work(pk=replay.pk) == "failed"
    text = page.get(reverse("searches:replay", args=[replay.pk])).content.decode()
    assert "--cost must not be below 0" in text


def test_a_stopped_replay_keeps_what_it_knows_and_does_no_more(page: Client) -> None:
    replay = asked(page)
    page.post(reverse("searches:replay-stop", args=[replay.pk]))
    replay.refresh_from_db()
    assert replay.status == ReplayStatus.STOPPED
    assert replay_services.replay_work(pk=replay.pk) == "nothing to do"
    claimed = asked(page)
    held = replay_services.replay_claim(pk=claimed.pk)
    assert held is not None
    page.post(reverse("searches:replay-stop", args=[claimed.pk]))
    assert not replay_services.tell(held)


def test_a_job_that_was_cut_off_goes_on_behind_its_last_whole_repeat(page: Client, tmp_path: Path) -> None:
    replay = asked(page)
    options = replay.question | {"table": str(replay.table)}
    (replay.folder / QUESTION).write_text(json.dumps(options))
    assert work(replay.folder) == 0
    whole = json.loads((replay.folder / FIGURES).read_text())
    lines = (replay.folder / RESULTS).read_text().splitlines(keepends=True)
    (replay.folder / RESULTS).write_text("".join(lines[:3]) + lines[3][:20])
    assert work(replay.folder) == 0
    again = json.loads((replay.folder / FIGURES).read_text())
    for document in (whole, again):
        for figures in document["algorithms"].values():
            del figures["cpu_seconds"]
    assert again == whole


def test_a_replay_whose_job_died_is_rung_for(page: Client) -> None:
    replay = asked(page)
    assert reaper.ring_for_replays() == 1
    held = replay_services.replay_claim(pk=replay.pk)
    assert held is not None
    assert reaper.ring_for_replays() == 0


def test_only_its_owner_sees_a_replay(page: Client, world: World) -> None:
    replay = asked(page)
    other = Client()
    other.force_login(world.bob)
    for name in ("replay", "replay-figures"):
        assert other.get(reverse(f"searches:{name}", args=[replay.pk])).status_code == 404
    for name in ("replay-stop", "replay-delete"):
        assert other.post(reverse(f"searches:{name}", args=[replay.pk])).status_code == 404
    assert "Select a table" in other.post(
        reverse("searches:replays"), ASKED | {"table": f"own:{replay.pk}"}
    ).content.decode()  # fmt: skip


def test_as_many_as_a_user_may_queue_are_enough(page: Client, settings: Any) -> None:
    settings.QUEUED_PER_USER = 3
    for _ in range(3):
        asked(page)
    assert "You have 3 replays that are queued or running, and may have at most 3" in ask(page).content.decode()


def test_a_deleted_replay_leaves_nothing(page: Client, django_capture_on_commit_callbacks: Any) -> None:
    replay = asked(page)
    folder = replay.folder
    with django_capture_on_commit_callbacks(execute=True):
        page.post(reverse("searches:replay-delete", args=[replay.pk]))
    assert not Replay.objects.exists()
    assert not folder.exists()

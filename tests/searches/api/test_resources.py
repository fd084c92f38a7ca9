"""Choosing, profiles, data sets, replays and devices by program: what the pages do."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from searches.algorithms import Ballot
from searches.engine.selection import voted
from searches.models import SearchRun
from searches.services import datasets as dataset_services
from searches.services import replays as replay_services
from tests.searches.api.test_api import RUNS, api
from tests.searches.tabular.test_replay import ROWS
from tests.searches.views.test_datasets import npz
from tests.support.world import World


@pytest.fixture
def alice(world: World) -> APIClient:
    return api(world.alice)


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (replay_services, dataset_services):
        monkeypatch.setattr(module, "async_task", lambda *arguments, **options: None)


def voted_by_the_engine(run: SearchRun, front: list[dict[str, Any]]) -> int:
    ballots = [Ballot(each["voter"], tuple(each["ranking"]), each["reason"]) for each in run.selection["ballots"]]
    return voted(front, run.spec["objectives"], ballots)[0]


def test_a_vote_limits_and_questions_choose_as_on_the_page(world: World, alice: APIClient) -> None:
    run, page = f"{RUNS}{world.finished.pk}/", f"/runs/{world.finished.pk}/"
    front = alice.get(f"{run}front/").json()["front"]
    cheapest = min(entry["values"]["params"] for entry in front)
    for query in ("how=vote", "accuracy=.7&params=.3", f"limit.params={cheapest}"):
        told, shown = alice.get(f"{run}front/?{query}").json(), alice.get(f"{page}choose/?{query}").json()
        assert (told["chosen"], told["of"], told["reasons"]) == (shown["number"], shown["of"], shown["reasons"])
    assert alice.get(f"{run}front/?how=vote").json()["chosen"] == voted_by_the_engine(world.finished, front)
    refused = alice.get(f"{run}front/?limit.params={cheapest - 1}")
    assert (refused.status_code, "o candidate on the front meets" in refused.content.decode()) == (400, True)
    assert alice.get(f"{run}question/").json() == alice.get(f"{page}question/").json()


def test_a_profile_has_layers_places_and_sizes(world: World, alice: APIClient) -> None:
    path = f"{RUNS}{world.finished.pk}/candidates/{world.finished.chosen_number}/profile/"
    profile = alice.get(path).json()
    assert sum(layer["macs"] for layer in profile["layers"]) == profile["macs"] > 0
    assert {"safetensors", "onnx"} <= set(profile["sizes"])
    assert {place["name"] for place in profile["places"]} > {"phone", "raspberry_pi_4"}
    assert api(world.charlie).get(path).status_code == 404


def test_a_data_set_is_uploaded_read_and_deleted(world: World, alice: APIClient) -> None:
    path = f"/api/v1/projects/{world.project.slug}/datasets/"

    def sent(client: APIClient, **changes: Any) -> Any:
        file = SimpleUploadedFile("shapes.npz", npz())
        return client.post(path, {"file": file, "name": "Shapes", **changes}, format="multipart")

    assert sent(api(world.vera)).status_code == 403
    assert sent(api(world.charlie)).status_code == 404
    made = sent(alice)
    assert (made.status_code, made.json()["status"]) == (201, "reading")
    assert sent(alice).status_code == 400, "the name is taken"
    assert [each["name"] for each in api(world.vera).get(path).json()["results"]] == ["Shapes"]
    one = f"{path}{made.json()['key']}/"
    assert api(world.vera).delete(one).status_code == 403
    assert alice.delete(one).status_code == 204
    assert alice.get(path).json()["count"] == 0


def test_a_replay_is_asked_for_stopped_and_deleted(world: World, alice: APIClient) -> None:
    path = "/api/v1/replays/"
    asked = {"search_on": "quality", "algorithms": "random_search", "repeats": "3", "evaluations": "6"}
    assert "Select a table" in alice.post(path, asked, format="json").content.decode()
    file = SimpleUploadedFile("small.csv", ROWS.encode())
    made = alice.post(path, asked | {"file": file}, format="multipart")
    assert (made.status_code, made.json()["total"]) == (201, 3)
    one = f"{path}{made.json()['id']}/"
    assert api(world.bob).get(one).status_code == 404
    assert alice.post(f"{one}stop/").json()["status"] == "stopped"
    assert alice.post(f"{one}stop/").status_code == 409
    assert alice.delete(one).status_code == 204


def test_a_device_gets_its_code_once(world: World, alice: APIClient) -> None:
    path = "/api/v1/devices/"
    made = alice.post(path, {"name": "Pi in the corner", "kind": "raspberry_pi_4"}, format="json").json()
    one = f"{path}{made['id']}/"
    assert (bool(made["code"]), alice.get(one).json()["code"], made["is_paired"]) == (True, "", False)
    assert alice.post(f"{one}code/").json()["code"] not in ("", made["code"])
    assert alice.post(path, {"name": "Toaster", "kind": "toaster"}, format="json").status_code == 400
    assert api(world.bob).get(one).status_code == 404
    assert alice.delete(one).status_code == 204

"""The API for programs: what it answers, how it refuses, and who may do what on every route."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from architectures.options import json_schema
from codegen.models import Repository, RepositoryStatus
from nasportal.accounts import services as accounts
from searches.api.parsers import BODY_BYTES
from searches.models import SearchRun
from searches.models.status import Status
from searches.presets import PRESETS
from searches.spec import SearchSpec
from tests.support.world import SPEC, World, claim, work

RUNS = "/api/v1/runs/"


def api(user: User | None) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def alice(world: World) -> APIClient:
    return api(world.alice)


def test_a_run_is_created_read_paused_resumed_cloned_cancelled_and_deleted(world: World, alice: APIClient) -> None:
    sent = {"project": world.project.slug, "name": "by program", "spec": SPEC}
    made = alice.post(RUNS, sent)
    assert (made.status_code, made.json()["status"], made.json()["created_by"]) == (201, "queued", "alice")
    run = f"{RUNS}{made.json()['id']}/"
    assert alice.get(run).json()["spec"]["evaluations"] == 12
    assert alice.post(f"{run}pause/").json()["status"] == "paused"
    assert alice.post(f"{run}resume/").json()["status"] == "queued"
    clone = alice.post(f"{run}clone/", {"name": "again"})
    assert (clone.status_code, clone.json()["name"], clone.json()["status"]) == (201, "again", "queued")
    assert alice.post(f"{run}cancel/").json()["status"] == "cancelled"
    refused = alice.post(f"{run}pause/")
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("The run is cancelled and cannot be paused: only a queued or running")
    assert alice.delete(run).status_code == 204
    assert alice.get(run).status_code == 404


def test_a_filter_is_for_lists_and_no_reason_not_to_find_a_run(world: World, alice: APIClient) -> None:
    assert alice.get(f"{RUNS}?status=failed").json()["count"] == 0
    assert alice.get(f"{RUNS}{world.run.pk}/?status=failed").json()["id"] == world.run.pk


def test_a_live_run_is_not_deleted(world: World, alice: APIClient) -> None:
    claim(world.run)
    refused = alice.delete(f"{RUNS}{world.run.pk}/")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "The run is running and cannot be deleted: cancel it first.",
    )


def test_the_faults_of_a_spec_are_named_with_their_fields(world: World, alice: APIClient) -> None:
    spec = SPEC | {"evaluations": 0, "limits": {"max_params": -1}, "space": "chains"}
    refused = alice.post(RUNS, {"project": world.project.slug, "name": "x", "spec": spec})
    assert refused.status_code == 400
    faults = refused.json()["spec"]
    assert faults["evaluations"] == ["must be at least 1, but is 0"]
    assert set(faults) == {"evaluations", "limits.max_params", "space"}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"[" * 5000, 400, "nested too deeply"),
        (b'{"name": NaN}', 400, "NaN is no JSON number"),
        (b'{"name": "a", "name": "b"}', 400, "the name 'name' occurs twice"),
        (b"\xff", 400, "must be UTF-8"),
        (b"{", 400, "must be JSON"),
        (b'{"seed": ' + b"9" * 5000 + b"}", 400, "must be JSON"),
        (b" " * (BODY_BYTES + 1), 413, "at most 1,000,000 bytes"),
        (b" " * 50_000_000, 413, "This request is too large. A form without its files, or a JSON body, must have"),
    ],
)
def test_a_bad_body_is_refused_in_a_sentence(alice: APIClient, body: bytes, status: int, says: str) -> None:
    answer = alice.generic("POST", RUNS, body, content_type="application/json")
    assert answer.status_code == status
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0b", "x" * 201, True, None, ["a"]])
def test_a_bad_name_is_refused(world: World, alice: APIClient, name: Any) -> None:
    answer = alice.post(RUNS, {"project": world.project.slug, "name": name, "spec": SPEC})
    assert (answer.status_code, list(answer.json())) == (400, ["name"])


def test_runs_are_filtered_ordered_and_paged(world: World, alice: APIClient) -> None:
    assert [run["name"] for run in alice.get(f"{RUNS}?status=finished").json()["results"]] == ["finished"]
    assert alice.get(f"{RUNS}?project=no-such").json()["count"] == 0
    assert [run["name"] for run in alice.get(f"{RUNS}?ordering=name&limit=1").json()["results"]] == ["finished"]
    assert alice.get(f"{RUNS}?status=unheard-of").status_code == 400
    # A hidden field orders nothing: the answer is the default order.
    hidden = alice.get(f"{RUNS}?ordering=created_by__password").json()["results"]
    assert [run["name"] for run in hidden] == ["waiting", "finished"]


def test_events_go_on_after_a_seq(world: World, alice: APIClient) -> None:
    path = f"{RUNS}{world.finished.pk}/events/"
    first = alice.get(f"{path}?limit=5").json()
    assert [event["seq"] for event in first["events"]] == [1, 2, 3, 4, 5]
    rest = alice.get(f"{path}?after=5&limit=1000").json()
    assert [event["seq"] for event in rest["events"]] == list(range(6, world.finished.seq + 1))
    assert rest["events"][-1]["payload"]["status"] == "finished"
    assert alice.get(f"{path}?after=-1").status_code == 400
    assert alice.get(f"{path}?after={2**63}").status_code == 400


def test_the_front_the_history_and_an_architecture_are_read(world: World, alice: APIClient) -> None:
    run = f"{RUNS}{world.finished.pk}/"
    front = alice.get(f"{run}front/").json()
    assert front["chosen"] in [entry["number"] for entry in front["front"]]
    best = alice.get(f"{run}front/?accuracy=1").json()
    assert best["chosen"] == max(front["front"], key=lambda entry: entry["values"]["accuracy"])["number"]
    assert alice.get(f"{run}front/?accuracy=-1").status_code == 400
    lines = b"".join(alice.get(f"{run}history/").streaming_content).decode().splitlines()
    assert len(lines) == 13
    assert json.loads(lines[1])["number"] == 0
    graph = alice.get(f"{run}candidates/0/architecture/").json()
    assert (graph["format"], graph["origin"]["space"]) == ("nas-portal/architecture", "chain")


def test_candidates_are_listed_with_their_evaluation(world: World, alice: APIClient) -> None:
    path = f"{RUNS}{world.finished.pk}/candidates/"
    listed = alice.get(f"{path}?limit=500").json()
    assert listed["count"] == 12
    assert listed["results"][0]["evaluation"]["status"] == "done"
    members = alice.get(f"{path}?on_front=true").json()
    assert members["count"] == world.finished.front_size
    assert alice.get(f"{path}999/").status_code == 404


def test_a_repository_is_asked_for_and_downloaded_when_it_is_ready(world: World, alice: APIClient, data: Path) -> None:
    number = world.finished.chosen_number
    asked = alice.post(f"{RUNS}{world.finished.pk}/candidates/{number}/repository/")
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    path = f"/api/v1/repositories/{asked.json()['id']}/"
    early = alice.get(f"{path}download/")
    assert (early.status_code, early.json()["detail"][:28]) == (409, "The repository is queued; it")
    (data / "made.zip").write_bytes(b"PK")
    ready = {"status": RepositoryStatus.READY, "archive": "made.zip", "sha256": "0" * 64}
    Repository.objects.filter(pk=asked.json()["id"]).update(**ready)
    assert b"".join(alice.get(f"{path}download/").streaming_content) == b"PK"
    assert api(world.bob).get(f"{path}download/").status_code == 200
    assert api(world.charlie).get(f"{path}download/").status_code == 404


def test_several_candidates_become_a_bundle(world: World, alice: APIClient) -> None:
    numbers = list(world.finished.evaluations.filter(status="done").values_list("number", flat=True)[:2])
    path = f"{RUNS}{world.finished.pk}/bundle/"
    asked = alice.post(path, {"candidates": numbers, "licence": "Apache-2.0"})
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    variants = Repository.objects.get(pk=asked.json()["id"]).request["variants"]
    assert {name: each["licence"] for name, each in variants.items()} == dict.fromkeys(("small", "large"), "Apache-2.0")
    assert alice.post(path, {"candidates": [numbers[0]]}).json() == {
        "candidates": ["variants must be 2 to 5 networks, but are 1"]
    }
    assert alice.post(path, {"candidates": [999]}).json() == {"candidates": ["The run has no candidate 999."]}


def test_an_untrained_candidate_has_no_repository(world: World, alice: APIClient) -> None:
    work(world.run, events=7)
    refused = alice.post(f"{RUNS}{world.run.pk}/candidates/0/repository/")
    assert (refused.status_code, "has no trained weights" in refused.json()["detail"]) == (409, True)


def test_members_are_added_and_removed_by_the_owner(world: World, alice: APIClient) -> None:
    path = f"/api/v1/projects/{world.project.slug}/members/"
    assert {member["user"] for member in alice.get(path).json()} == {"bob", "vera"}
    added = alice.post(path, {"user": "charlie", "role": "viewer"})
    assert added.status_code == 201
    assert api(world.charlie).get(f"{RUNS}{world.run.pk}/").status_code == 200
    assert api(world.bob).post(path, {"user": "charlie", "role": "editor"}).status_code == 403
    assert api(world.charlie).delete(f"{path}bob/").status_code == 403
    assert api(world.charlie).delete(f"{path}charlie/").status_code == 204
    assert api(world.charlie).get(f"{RUNS}{world.run.pk}/").status_code == 404


def test_a_token_opens_the_api_until_it_is_revoked(world: World) -> None:
    client = APIClient()
    assert client.get(RUNS).status_code == 401
    client.credentials(HTTP_AUTHORIZATION="Bearer nasp_forged")
    assert client.get(RUNS).status_code == 401
    made = accounts.token_create(user=world.vera, name="script")
    text = made[0] if isinstance(made, tuple) else made
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert client.get(RUNS).json()["count"] == 2
    world.vera.api_tokens.update(revoked="2026-01-01T00:00:00Z")
    assert client.get(RUNS).status_code == 401


def test_a_session_without_a_csrf_token_changes_nothing(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.alice)
    assert client.post(f"{RUNS}{world.run.pk}/cancel/").status_code == 403
    assert SearchRun.objects.get(pk=world.run.pk).status == Status.QUEUED


def test_the_schema_names_every_route_and_asks_no_foreign_host(alice: APIClient) -> None:
    schema = alice.get("/api/v1/schema/?format=json").json()
    assert "/api/v1/runs/{id}/events/" in schema["paths"]
    page = alice.get("/api/v1/docs/").content.decode()
    assert "http://" not in page
    assert re.findall(r"<script(?![^>]*src=)", page) == []


def test_notes_tags_stars_and_templates_by_program(world: World, alice: APIClient) -> None:
    run = f"{RUNS}{world.finished.pk}/"
    assert alice.get(f"{run}note/").json()["version"] == 0
    first = alice.put(f"{run}note/", {"text": "seen", "version": 0}).json()
    assert (first["text"], first["version"], first["by"]) == ("seen", 1, "alice")
    overtaken = alice.put(f"{run}note/", {"text": "late", "version": 0})
    assert (overtaken.status_code, "changed this note" in overtaken.json()["detail"]) == (409, True)
    assert alice.put(f"{run}tags/", {"tags": ["Phone", "phone"]}).json() == {"tags": ["phone"]}
    assert alice.put(f"{run}star/", {"starred": True}).json() == {"starred": True}
    assert [each["name"] for each in alice.get(f"{RUNS}?tag=phone&starred=true").json()["results"]] == ["finished"]
    assert alice.patch(run, {"name": "renamed"}).json()["name"] == "renamed"
    templates = f"/api/v1/projects/{world.project.slug}/templates/"
    kept = alice.post(templates, {"name": "small", "spec": {"evaluations": 3}})
    assert (kept.status_code, kept.json()["spec"]["evaluations"]) == (201, 3)
    assert alice.delete(f"{templates}{kept.json()['id']}/").status_code == 204


def test_a_spec_is_judged_without_starting_anything(world: World, alice: APIClient) -> None:
    good = alice.post(f"{RUNS}check/", {"spec": {"evaluations": 7}}).json()
    assert (good["faults"], good["spec"]["evaluations"], good["estimate"]["candidates"]) == ({}, 7, 7)
    bad = alice.post(f"{RUNS}check/", {"spec": {"evaluations": 0}}).json()
    assert bad == {"faults": {"evaluations": ["must be at least 1, but is 0"]}, "spec": None, "estimate": None}
    assert "nsga2" in alice.get("/api/v1/vocabulary/").json()["algorithms"]


def test_a_project_is_handed_over_by_program(world: World, alice: APIClient) -> None:
    path = f"/api/v1/projects/{world.project.slug}/"
    assert alice.post(f"{path}transfer/", {"user": "charlie"}).status_code == 400
    assert alice.post(f"{path}transfer/", {"user": "bob"}).json()["owner"] == "bob"
    assert alice.get(f"{path}activity/").json()["results"][0]["what"] == "handed the project over to bob"


def test_notices_are_asked_for_by_program(world: World, alice: APIClient) -> None:
    path = "/api/v1/notices/"
    asked = alice.put(path, {"webhook_url": "https://example.org/hook"}).json()
    assert (asked["webhook_url"], len(asked["webhook_secret"]), asked["by_email"]) == (
        "https://example.org/hook", 48, False,
    )  # fmt: skip
    refused = alice.put(path, {"webhook_url": "file:///etc/passwd"})
    assert (refused.status_code, list(refused.json())) == (400, ["webhook_url"])


@pytest.mark.parametrize("name", PRESETS)
def test_a_canonical_spec_is_what_the_json_schema_of_the_options_describes(name: str) -> None:
    document = SearchSpec.from_document(PRESETS[name].document).to_document()
    jsonschema.validate(document, json_schema(SearchSpec))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "training": {"epochs": 0}}, json_schema(SearchSpec))


def test_the_schema_of_the_api_documents_the_spec(alice: APIClient) -> None:
    known = alice.get("/api/v1/schema/?format=json").json()["components"]["schemas"]
    spec = known["SearchSpec"]["properties"]
    assert set(spec) == set(SearchSpec().to_document())
    assert spec["training"]["properties"]["epochs"]["maximum"] == 1000
    assert "nsga2" in spec["algorithm"]["enum"]
    assert known["AlgorithmOptionsNsga2"]["properties"]["population"]["default"] == 12
    assert spec["limits"]["properties"]["max_params"]["nullable"] is True
    assert known["RunCreate"]["properties"]["spec"] == {"$ref": "#/components/schemas/SearchSpec"}

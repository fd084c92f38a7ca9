"""The API for programs: what it answers, how it refuses, and who may do what on every route."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from codegen.models import Repository, RepositoryStatus
from nasportal.accounts import services as accounts
from searches import services
from searches.models import SearchRun
from searches.parsing import BODY_BYTES
from searches.status import Status
from tests.world import SPEC, World, claim, work

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
        (b'{"name": "a", "name": "b"}', 400, "the name 'name' stands twice"),
        (b"\xff", 400, "must be UTF-8"),
        (b"{", 400, "must be JSON"),
        (b" " * (BODY_BYTES + 1), 413, "at most 1,000,000 bytes"),
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


# Every route × role

PUBLIC, PRIVATE = "anybody", "signed in"
SEE, EDIT, OWN = "see", "edit", "own"
# What each route asks for; a route that is missing here fails the test below. `methods` are tried besides GET.
ROUTES: dict[str, tuple[str, dict[str, str]]] = {
    "projects/": (PRIVATE, {"POST": PRIVATE}),
    "projects/<slug>/": (SEE, {"PATCH": OWN, "DELETE": OWN}),
    "projects/<slug>/members/": (SEE, {"POST": OWN}),
    "projects/<slug>/members/<user>/": ("", {"DELETE": OWN}),
    "runs/": (PRIVATE, {"POST": PRIVATE}),
    "runs/<pk>/": (SEE, {"DELETE": EDIT}),
    "runs/<pk>/pause/": ("", {"POST": EDIT}),
    "runs/<pk>/resume/": ("", {"POST": EDIT}),
    "runs/<pk>/cancel/": ("", {"POST": EDIT}),
    "runs/<pk>/clone/": ("", {"POST": EDIT}),
    "runs/<pk>/snapshot/": (SEE, {}),
    "runs/<pk>/events/": (SEE, {}),
    "runs/<pk>/history/": (SEE, {}),
    "runs/<pk>/front/": (SEE, {}),
    "runs/<run_pk>/candidates/": (SEE, {}),
    "runs/<run_pk>/candidates/<number>/": (SEE, {}),
    "runs/<run_pk>/candidates/<number>/architecture/": (SEE, {}),
    "runs/<run_pk>/candidates/<number>/repository/": ("", {"POST": SEE}),
    "repositories/": (PRIVATE, {}),
    "repositories/<pk>/": (SEE, {"DELETE": OWN}),
    "repositories/<pk>/download/": (SEE, {}),
    "schema/": (PRIVATE, {}),
    "docs/": (PRIVATE, {}),
}
RIGHTS = {
    "owner": {PUBLIC, PRIVATE, SEE, EDIT, OWN},
    "editor": {PUBLIC, PRIVATE, SEE, EDIT},
    "viewer": {PUBLIC, PRIVATE, SEE},
    "stranger": {PUBLIC, PRIVATE},
    "nobody": {PUBLIC},
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """The API's routes as the resolver has them, their arguments as <name>."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + re.sub(r"\(\?P<(\w+)>[^)]*\)|\^|\$|\\[zZ]", lambda found: f"<{found[1]}>" if found[1] else "",
                               str(pattern.pattern))  # fmt: skip
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/v1/"):
            yield path.removeprefix("api/v1/").replace(r"\/", "/")


def test_every_route_of_the_api_has_an_entry_and_every_entry_a_route() -> None:
    assert set(routes()) == set(ROUTES)


@pytest.mark.parametrize("person", RIGHTS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_route_answers_only_those_who_have_the_right(world: World, route: str, person: str) -> None:
    number = world.finished.chosen_number
    asked = services.repository_request(candidate=world.finished.candidates.get(number=number), by=world.alice)
    is_repository = route.startswith("repositories/")
    other = "vera" if person == "editor" else "bob"  # members may remove themselves
    path = (
        "/api/v1/" + route.replace("<slug>", world.project.slug).replace("<user>", other)
        .replace("<pk>", str(asked.pk if is_repository else world.finished.pk))
        .replace("<run_pk>", str(world.finished.pk)).replace("<number>", str(number))
    )  # fmt: skip
    reading, writing = ROUTES[route]
    wanted = {"GET": reading} | writing if reading else writing
    client = api(world.people.get(person))
    before = world.finished.events.count()
    for method in METHODS:
        # The right that matters most is that of the others: nobody loses anything by a test of the owner's DELETE.
        if RIGHTS[person] >= {wanted.get(method, OWN)} and method == "DELETE":
            continue
        answer = client.generic(method, path, "{}", content_type="application/json")
        assert answer.status_code < 500, (method, answer.content[:300])
        if person == "nobody":
            assert answer.status_code in (401, 403), (method, answer.status_code)
        elif method not in wanted:
            assert answer.status_code in (403, 404, 405), (method, answer.status_code)
        elif wanted[method] not in RIGHTS[person]:
            assert answer.status_code in (403, 404), (method, answer.status_code)
            if SEE not in RIGHTS[person]:
                assert answer.status_code == 404, method
        else:
            assert answer.status_code not in (401, 403, 404, 405), (method, answer.status_code)
    if person in ("stranger", "nobody"):
        assert world.finished.events.count() == before

"""Every route × method × role, out of the URL resolver and the socket routes. A new route without an entry fails.

An entry says what a method asks for. Whoever lacks it gets no answer that tells anything: a page that is not theirs is
not found, a program's request is 401, 403 or 404, and nothing has changed afterwards.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from codegen.models import Repository
from nasportal.accounts import services as accounts
from nasportal.accounts.models import ApiToken
from profiling.models import Device, DeviceJob
from profiling.services import device_create
from searches import services
from searches.models import (
    Event,
    Membership,
    Note,
    NoticeWishes,
    Project,
    Replay,
    SearchRun,
    SpecTemplate,
    Star,
    Tag,
    UploadedDataSet,
)
from searches.routing import websocket_urlpatterns
from searches.services import annotations
from tests.support.world import World, spec

OPEN, IN, SEE, EDIT, OWN, ADMIN = "anybody", "signed in", "see", "edit", "own", "admin"
DEVICE = "a paired device's token"  # which no person has: tests/profiling/test_devices.py
RIGHTS = {
    "nobody": {OPEN},
    "stranger": {OPEN, IN},
    "removed": {OPEN, IN},
    "viewer": {OPEN, IN, SEE},
    "editor": {OPEN, IN, SEE, EDIT},
    "owner": {OPEN, IN, SEE, EDIT, OWN},
    "admin": {OPEN, IN, ADMIN},  # who runs the portal sees its state, not the team's runs
}
READ, CHANGE = {"GET": SEE}, {"POST": EDIT}
P, R, C = "projects/<slug>/", "runs/<pk>/", "runs/<pk>/candidates/<number>/"
A = "api/v1/"
ROUTES: dict[str, dict[str, str]] = {
    # Health, accounts
    "healthz": {"GET": OPEN},
    "readyz": {"GET": OPEN},
    "metrics": {"GET": ADMIN},
    "administration/": {"GET": ADMIN},
    "administration/audit/": {"GET": ADMIN},
    "help/": {"GET": IN},
    "help/<page>/": {"GET": IN},
    "login/": {"GET": OPEN, "POST": OPEN},
    "login/once/<token>/": {"GET": OPEN},
    "logout/": {"POST": IN},
    "account/password/": {"GET": IN, "POST": IN},
    "account/tokens/": {"GET": IN, "POST": IN},
    "account/tokens/<pk>/revoke/": {"POST": IN},
    # Pages
    "": {"GET": IN},
    "search/": {"GET": IN},
    "example/": {"POST": IN},
    "targets/": {"GET": IN},
    "devices/": {"GET": IN, "POST": IN},
    "devices/<device>/": {"GET": OWN},
    "devices/<device>/<action>/": {"POST": OWN},
    "agent/nasportal_agent.py": {"GET": OPEN},
    "agent/pair/": {"POST": DEVICE},
    "agent/poll/": {"POST": DEVICE},
    "agent/reference.onnx": {"GET": DEVICE},
    "agent/jobs/<job>/model.onnx": {"GET": DEVICE},
    "agent/jobs/<job>/result/": {"POST": DEVICE},
    "replays/": {"GET": IN, "POST": IN},
    "replays/<replay>/": {"GET": OWN},
    "replays/<replay>/figures/": {"GET": OWN},
    "replays/<replay>/stop/": {"POST": OWN},
    "replays/<replay>/delete/": {"POST": OWN},
    "notices/": {"GET": IN, "POST": IN},
    "notices/test/": {"POST": IN},
    "projects/": {"GET": IN, "POST": IN},
    P: READ,
    f"{P}delete/": {"POST": OWN},
    f"{P}rename/": {"POST": OWN},
    f"{P}transfer/": {"POST": OWN},
    f"{P}members/": {"GET": SEE, "POST": OWN},
    f"{P}members/<user>/role/": {"POST": OWN},
    f"{P}members/<user>/remove/": {"POST": OWN},
    f"{P}activity/": READ,
    f"{P}templates/": READ,
    f"{P}templates/<template>/delete/": CHANGE,
    f"{P}datasets/": {"GET": SEE, "POST": EDIT},
    f"{P}datasets/<ref>/": READ,
    f"{P}datasets/<ref>/samples/": READ,
    f"{P}datasets/<ref>/delete/": CHANGE,
    f"{P}new/": {"GET": EDIT, "POST": EDIT},
    f"{P}new/check/": CHANGE,
    R: READ,
    f"{R}snapshot/": READ,
    f"{R}choose/": READ,
    f"{R}history.jsonl": READ,
    f"{R}candidates.csv": READ,
    f"{R}note/": CHANGE,
    f"{R}tags/": CHANGE,
    f"{R}star/": {"POST": SEE},
    f"{R}candidates/": READ,
    f"{R}compare/": READ,
    C: READ,
    f"{C}note/": CHANGE,
    f"{C}tags/": CHANGE,
    f"{C}star/": {"POST": SEE},
    f"{C}panel/": READ,
    f"{C}profile/": READ,
    f"{C}repository/": {"POST": SEE},
    f"{C}files/": READ,
    f"{R}bundle/": {"POST": SEE},
    f"{R}plots/<name>/": READ,
    f"{R}curves/": READ,
    f"{R}failures/": READ,
    f"{R}question/": READ,
    "runs/compare/": {"GET": IN},
    f"{R}<verb>/": CHANGE,
    "repositories/": {"GET": IN},
    "repositories/<repository>/": READ,
    "repositories/<repository>/files/": READ,
    "repositories/<repository>/certificate/": READ,
    "repositories/<repository>/download/": READ,
    # The API
    f"{A}schema/": {"GET": IN},
    f"{A}docs/": {"GET": IN},
    f"{A}vocabulary/": {"GET": IN},
    f"{A}notices/": {"GET": IN, "PUT": IN},
    f"{A}projects/": {"GET": IN, "POST": IN},
    f"{A}{P}": {"GET": SEE, "PATCH": OWN, "DELETE": OWN},
    f"{A}{P}members/": {"GET": SEE, "POST": OWN},
    f"{A}{P}members/<member>/": {"DELETE": OWN},
    f"{A}{P}transfer/": {"POST": OWN},
    f"{A}{P}activity/": READ,
    f"{A}{P}templates/": {"GET": SEE, "POST": EDIT},
    f"{A}{P}templates/<template>/": {"DELETE": EDIT},
    f"{A}runs/": {"GET": IN, "POST": IN},
    f"{A}runs/check/": {"POST": IN},
    f"{A}{R}": {"GET": SEE, "PATCH": EDIT, "DELETE": EDIT},
    f"{A}{R}pause/": CHANGE,
    f"{A}{R}resume/": CHANGE,
    f"{A}{R}cancel/": CHANGE,
    f"{A}{R}clone/": CHANGE,
    f"{A}{R}snapshot/": READ,
    f"{A}{R}events/": READ,
    f"{A}{R}history/": READ,
    f"{A}{R}front/": READ,
    f"{A}{R}question/": READ,
    f"{A}{R}bundle/": {"POST": SEE},
    f"{A}{R}note/": {"GET": SEE, "PUT": EDIT},
    f"{A}{R}tags/": {"GET": SEE, "PUT": EDIT},
    f"{A}{R}star/": {"GET": SEE, "PUT": SEE},
    f"{A}{R}candidates/": READ,
    f"{A}{C}": READ,
    f"{A}{C}architecture/": READ,
    f"{A}{C}profile/": READ,
    f"{A}{C}repository/": {"POST": SEE},
    f"{A}{C}note/": {"GET": SEE, "PUT": EDIT},
    f"{A}{C}tags/": {"GET": SEE, "PUT": EDIT},
    f"{A}{C}star/": {"GET": SEE, "PUT": SEE},
    f"{A}{P}datasets/": {"GET": SEE, "POST": EDIT},
    f"{A}{P}datasets/<key>/": {"GET": SEE, "DELETE": EDIT},
    f"{A}replays/": {"GET": IN, "POST": IN},
    f"{A}replays/<replay>/": {"GET": OWN, "DELETE": OWN},
    f"{A}replays/<replay>/stop/": {"POST": OWN},
    f"{A}devices/": {"GET": IN, "POST": IN},
    f"{A}devices/<device>/": {"GET": OWN, "DELETE": OWN},
    f"{A}devices/<device>/code/": {"POST": OWN},
    f"{A}devices/<device>/calibrate/": {"POST": OWN},
    f"{A}repositories/": {"GET": IN},
    f"{A}repositories/<repository>/": {"GET": SEE, "DELETE": OWN},
    f"{A}repositories/<repository>/download/": READ,
}
SOCKETS = {"ws/runs/<pk>/": SEE}  # tests/searches/live/test_consumers.py opens it in every role
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")  # HEAD is GET without its body
# Signing out leads to the login page, too; the login page leads on whoever is signed in.
HARMLESS = {
    ("POST", "logout/"),
    *((method, "login/") for method in ("PUT", "PATCH", "DELETE")),
}
SENT = {"name": "x", "role": "viewer", "text": "x", "tags": ["x"], "starred": True, "spec": {}, "user": "bob"}
QUESTION = {"search_on": "c10", "report": "", "minimise": [], "algorithms": "nsga2", "repeats": 1}
COUNTED: tuple[type[models.Model], ...] = (
    Project, Membership, SearchRun, Event, UploadedDataSet, Note, Tag, Star, SpecTemplate, Repository, ApiToken,
    NoticeWishes, User, Device, DeviceJob, Replay,
)  # fmt: skip
SECRET = "Zanzibar"  # in every name of the team: whoever may not see it must not read it anywhere


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """All routes as the resolver has them, each argument by its name."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + plain(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield named(path)


def plain(pattern: str) -> str:
    pattern = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", pattern)
    pattern = re.sub(r"<\w+:(\w+)>", r"<\1>", pattern)
    return re.sub(r"\^|\$|\\[zZ]", "", pattern).replace(r"\/", "/")


def named(path: str) -> str:
    """One name for the same argument in pages and API."""
    path = path.replace("<run_pk>", "<pk>")
    if "repositories/<pk>" in path:
        path = path.replace("<pk>", "<repository>")
    if "replays/<pk>" in path:
        path = path.replace("<pk>", "<replay>")
    if "devices/<pk>" in path:
        path = path.replace("<pk>", "<device>")
    if "templates/<pk>" in path:
        path = path.replace("<pk>", "<template>")
    return path.replace("<user>", "<member>") if path.startswith(A) else path


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    there = set(routes())
    assert there - set(ROUTES) == set(), "say in ROUTES what each method of it asks for"
    assert set(ROUTES) - there == set()


def test_every_socket_has_an_entry() -> None:
    assert {plain(str(pattern.pattern)) for pattern in websocket_urlpatterns} == set(SOCKETS)


@dataclass
class Doors:
    """A team's world with something behind each route, and who knocks."""

    world: World
    people: dict[str, User | None]
    arguments: dict[str, str]
    faults: list[str] = field(default_factory=list)

    def path(self, route: str) -> str:
        for name, value in self.arguments.items():
            route = route.replace(f"<{name}>", value)
        assert "<" not in route, f"no argument for {route}"
        return "/" + route

    def state(self) -> list[Any]:
        """What a request without the right must leave as it is."""
        counts: list[Any] = [model._default_manager.count() for model in COUNTED]
        runs = list(SearchRun.objects.order_by("pk").values_list("pk", "name", "status", "seq"))
        members = list(Membership.objects.order_by("pk").values_list("project", "user", "role"))
        return [*counts, runs, members, list(Project.objects.order_by("pk").values_list("name", "owner"))]


@pytest.fixture
def doors(world: World) -> Doors:
    for run in (world.run, world.finished):
        services.run_rename(run=run, name=f"{SECRET} {run.name}", by=world.alice)
    services.project_rename(project=world.project, name=f"{SECRET} project", by=world.alice)
    number = world.finished.chosen_number
    candidate = world.finished.candidates.select_related("run__project").get(number=number)
    repository = services.repository_request(candidate=candidate, by=world.alice)
    template = services.template_save(project=world.project, name=f"{SECRET} template", spec=spec(), by=world.alice)
    for target in (world.finished, candidate):
        annotations.note_save(target=target, text=f"{SECRET} note", by=world.alice)
        annotations.tags_set(target=target, names=[SECRET.lower()])
    upload = UploadedDataSet.objects.create(
        project=world.project, key=uuid4().hex, name=f"{SECRET} set", file_name="a.npz"
    )
    removed = User.objects.create(username="removed")
    services.member_add(project=world.project, user=removed, role="editor", by=world.alice)
    services.member_remove(project=world.project, user=removed, by=world.alice)
    admin = User.objects.create(username="root", is_staff=True, is_superuser=True)
    people: dict[str, User | None] = {**world.people, "removed": removed, "admin": admin, "nobody": None}
    device, _ = device_create(owner=world.alice, name=f"{SECRET} Pi", kind="raspberry_pi_4")
    replay = Replay.objects.create(owner=world.alice, table_name=f"{SECRET}.csv", question=QUESTION)
    other = world.bob
    arguments = {
        "slug": world.project.slug, "pk": str(world.finished.pk), "number": str(number), "verb": "pause",
        "repository": str(repository.pk), "template": str(template.pk), "user": str(other.pk),
        "member": other.username, "name": "timeline", "token": "forged", "ref": upload.key, "key": upload.key,
        "page": "reference/settings",
        "device": str(device.pk), "action": "calibrate", "job": "1", "replay": str(replay.pk),
    }  # fmt: skip
    return Doors(world, people, arguments)


def knock(client: Client, method: str, path: str, **extra: Any) -> Any:
    """A program's body on the API, a form's on a page."""
    if path.startswith("/api/"):
        return client.generic(method, path, json.dumps(SENT), content_type="application/json", **extra)
    if method == "POST":
        form = {name: value for name, value in SENT.items() if isinstance(value, str)}
        return client.post(path, form, **extra)
    return client.generic(method, path, **extra)


def is_shut(answer: Any) -> bool:
    """Led to the login page, or refused."""
    return answer.status_code in (401, 403, 404) or (
        answer.status_code == 302 and answer.headers["Location"].startswith("/login/")
    )


def walk(doors: Doors, client: Client, rights: set[str], **extra: Any) -> None:
    """Every method of every route; what it changes is undone again."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    for route, wanted in ROUTES.items():
        if extra and not route.startswith(A):
            continue  # pages take no tokens
        methods = [method for method in METHODS if (method, route) not in HARMLESS]
        for method in methods:
            client.cookies = SimpleCookie(cookies)  # signing out is tried as well
            asked = wanted.get(method, "")
            looks = method != "GET" and asked not in rights
            before = doors.state() if looks else []
            with transaction.atomic():
                answer = knock(client, method, doors.path(route), **extra)
                after = doors.state() if looks else []
                transaction.set_rollback(True)
            where = f"{method} {route}: {answer.status_code}"
            if answer.status_code >= 500:
                doors.faults.append(f"{where}, an error")
            elif not asked:
                if answer.status_code < 400 and not is_shut(answer):
                    doors.faults.append(f"{where}, but no entry allows the method")
            elif asked in rights:
                # The archive is not there yet: that is no matter of rights.
                is_early = route.endswith(("download/", "files/", "certificate/")) and answer.status_code in (404, 409)
                if (is_shut(answer) or answer.status_code == 405) and not is_early:
                    doors.faults.append(f"{where}, but it is theirs")
            elif not is_shut(answer):
                doors.faults.append(f"{where}, but it takes the right to {asked}")
            if before != after:
                doors.faults.append(f"{where}, and it changed something")
            if SEE not in rights and SECRET.lower().encode() in body(answer).lower():
                doors.faults.append(f"{where}, and it tells a name of the team")
            # A page that one may not see is as little there as one that never was.
            if method == "GET" and asked == SEE and SEE not in rights and IN in rights and answer.status_code != 404:
                doors.faults.append(f"{where}, but what is not yours is not found")


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.chain(seconds=12)
@pytest.mark.parametrize("person", RIGHTS)
def test_nobody_gets_through_a_door_without_the_right(doors: Doors, person: str) -> None:
    client = Client(raise_request_exception=False)
    if user := doors.people[person]:
        client.force_login(user)
    if person == "editor":  # who is Bob, and may leave
        doors.arguments |= {"user": str(doors.world.vera.pk), "member": "vera"}
    walk(doors, client, RIGHTS[person])
    assert not doors.faults, "\n".join(doors.faults)


# A forged and a revoked one: tests/searches/api/test_api.py.
@pytest.mark.parametrize("kind", ["expired", "of a closed account"])
def test_a_bad_token_opens_nothing(doors: Doors, kind: str) -> None:
    alice = doors.world.alice
    text = accounts.token_create(user=alice, name="script", expires=None)
    if kind == "expired":
        alice.api_tokens.update(expires=timezone.now())
    else:
        User.objects.filter(pk=alice.pk).update(is_active=False)
    client = Client(raise_request_exception=False)
    walk(doors, client, RIGHTS["nobody"], HTTP_AUTHORIZATION=f"Bearer {text}")
    assert not doors.faults, "\n".join(doors.faults)


def test_without_its_csrf_token_a_session_changes_nothing(doors: Doors) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(doors.world.alice)
    before = doors.state()
    for route, wanted in ROUTES.items():
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            if method in wanted:
                answer = knock(client, method, doors.path(route))
                assert answer.status_code == 403, (method, route, answer.status_code)
    assert doors.state() == before


def test_ids_that_do_not_belong_together_are_not_found(doors: Doors) -> None:
    """Charlie knows the numbers of Alice's things and asks for them below his own project and run."""
    world = doors.world
    client = Client(raise_request_exception=False)
    client.force_login(world.charlie)
    own = services.project_create(owner=world.charlie, name="mine")
    run = services.run_create(project=own, spec=spec(), name="mine", by=world.charlie)
    template, number = doors.arguments["template"], doors.arguments["number"]
    before = doors.state()
    for method, path in (
        ("POST", f"/projects/{own.slug}/templates/{template}/delete/"),
        ("DELETE", f"/api/v1/projects/{own.slug}/templates/{template}/"),
        ("GET", f"/projects/{own.slug}/new/?template={template}"),
        ("GET", f"/projects/{own.slug}/new/?clone={world.finished.pk}"),
        ("GET", f"/runs/{run.pk}/candidates/{number}/"),
        ("GET", f"/api/v1/runs/{run.pk}/candidates/{number}/"),
        ("POST", f"/projects/{own.slug}/members/{world.bob.pk}/remove/"),
    ):
        assert knock(client, method, path).status_code == 404, path
    assert doors.state() == before


@pytest.mark.parametrize(
    "query",
    [
        "ordering=created_by__password", "ordering=project__owner__password", "created_by__password__startswith=p",
        "project__owner__email=x", "search=" + SECRET, "tag=" + SECRET.lower(), "fields=password", "project=" + SECRET,
    ],
)  # fmt: skip
def test_filters_and_orders_on_what_is_hidden_tell_nothing(doors: Doors, query: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(doors.world.charlie)
    for path in ("/api/v1/runs/", "/api/v1/projects/", "/api/v1/repositories/", "/", "/search/"):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code in (200, 400)
        assert SECRET.lower() not in answer.content.decode().lower().replace(f'value="{SECRET.lower()}"', "")

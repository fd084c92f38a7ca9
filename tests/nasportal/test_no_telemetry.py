"""No telemetry and no foreign host: pages, API, a whole search and the background work open no connection outwards."""

import socket
from typing import Any

import pytest
from django.test import Client

from nasportal.lib import webhooks
from searches import services
from searches.services import notifications
from searches.supervision import reaper
from tests.nasportal.test_access import ROUTES, Doors, doors  # noqa: F401  (a fixture)
from tests.support.world import World, spec, work

INSIDE = ("127.", "::1", "localhost")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that somebody tries to reach or to look up; none of them is reached."""
    tried: list[str] = []

    def connect(self: socket.socket, address: Any) -> None:
        place = address[0] if isinstance(address, tuple) else str(address)
        if self.family != socket.AF_UNIX and not str(place).startswith(INSIDE):
            tried.append(f"connect {address}")
        raise ConnectionRefusedError(f"{address}: no connection in this test")

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        if host and not str(host).startswith(INSIDE):
            tried.append(f"look up {host}")
        raise socket.gaierror(f"{host}: no name is looked up in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return tried


def test_no_page_and_no_route_of_the_api_calls_out(doors: Doors, calls: list[str]) -> None:  # noqa: F811
    client = Client(raise_request_exception=False)
    client.force_login(doors.world.alice)
    asked = [route for route, wanted in ROUTES.items() if "GET" in wanted and "once" not in route]
    for route in asked:
        client.get(doors.path(route))
    assert len(asked) > 40
    assert calls == []


def test_no_search_and_no_background_work_calls_out(world: World, calls: list[str]) -> None:
    run = services.run_create(project=world.project, spec=spec(seed=77), name="alone", by=world.alice)
    work(run)
    reaper.settle_abandoned()
    reaper.sweep()
    assert notifications.notices_claim(room=8) == []
    reaper.ring_for_repositories()
    assert calls == []


def test_only_what_was_asked_for_calls_out(world: World, calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of these tests sees a call: a webhook that somebody wanted."""
    monkeypatch.setattr(notifications, "deliver_apart", webhooks.deliver)  # in this process, where it is seen
    notifications.wishes_save(user=world.alice, email="", by_email=False, webhook_url="https://example.org/hook")
    run = services.run_create(project=world.project, spec=spec(seed=78), name="told", by=world.alice)
    work(run)
    for errand in notifications.notices_claim(room=8):
        notifications.notice_send(errand)
    assert calls == ["look up example.org"]

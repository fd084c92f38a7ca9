"""Threads of requests: used again with their connection, never lent while they work, not kept without bound."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import connection, connections
from django.http import HttpRequest, JsonResponse
from django.urls import path

from nasportal.server.request_threads import CONNECTION_SECONDS, KEPT, ReusingHandler

gate = threading.Event()
entered = threading.Semaphore(0)
opened: list[Any] = []
pytestmark = pytest.mark.django_db(transaction=True)


@login_not_required
def who(request: HttpRequest) -> JsonResponse:
    connection.ensure_connection()
    opened.append(connection.connection)
    return JsonResponse({"thread": threading.get_ident(), "kept": connection.settings_dict["CONN_MAX_AGE"]})


@login_not_required
def waiting(request: HttpRequest) -> JsonResponse:
    entered.release()
    gate.wait(20)
    return JsonResponse({"thread": threading.get_ident()})


urlpatterns = [path("who/", who), path("waiting/", waiting)]


@pytest.fixture
def handler(settings: Any) -> Iterator[ReusingHandler]:
    settings.ROOT_URLCONF, settings.ALLOWED_HOSTS = __name__, ["localhost"]
    gate.clear()
    opened.clear()
    handler = ReusingHandler()
    yield handler
    gate.set()
    for thread in handler._idle:
        thread.submit(connections.close_all)
        thread.shutdown()


async def ask(handler: ReusingHandler, where: str) -> dict[str, Any]:
    """The answer's JSON."""
    messages = [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": where, "query_string": b""}
    await handler(scope | {"headers": [(b"host", b"localhost")]}, receive, send)
    return dict(json.loads(sent[1]["body"]))


async def settled(handler: ReusingHandler, idle: int) -> None:
    async with asyncio.timeout(20):
        while len(handler._idle) != idle:
            await asyncio.sleep(0.01)


def test_one_request_after_another_takes_the_same_thread_which_keeps_its_connection(handler: ReusingHandler) -> None:
    async def three() -> list[dict[str, Any]]:
        answers = []
        for _ in range(3):
            answers.append(await ask(handler, "/who/"))
            await settled(handler, 1)
        return answers

    answers = asyncio.run(three())
    assert len({answer["thread"] for answer in answers}) == 1
    assert answers[0]["thread"] != threading.get_ident()
    assert all(each is opened[0] for each in opened)
    assert {answer["kept"] for answer in answers} == {CONNECTION_SECONDS}
    assert connection.settings_dict["CONN_MAX_AGE"] == 0  # on all other threads


def test_requests_at_once_have_a_thread_each_of_which_some_are_kept(handler: ReusingHandler) -> None:
    async def many() -> list[dict[str, Any]]:
        asked = [asyncio.create_task(ask(handler, "/waiting/")) for _ in range(KEPT + 4)]
        for _ in asked:
            assert await asyncio.to_thread(entered.acquire, timeout=20)
        gate.set()
        answers = await asyncio.gather(*asked)
        await settled(handler, KEPT)
        return answers

    assert len({answer["thread"] for answer in asyncio.run(many())}) == KEPT + 4


def test_a_thread_is_not_lent_before_the_work_of_an_abandoned_request_has_ended(handler: ReusingHandler) -> None:
    async def abandoned() -> None:
        asked = asyncio.create_task(ask(handler, "/waiting/"))
        assert await asyncio.to_thread(entered.acquire, timeout=20)
        asked.cancel()  # as daphne does where the client went away
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert not handler._idle
        async with asyncio.timeout(10):
            assert await ask(handler, "/who/")  # on another one
        gate.set()
        await settled(handler, 2)

    asyncio.run(abandoned())

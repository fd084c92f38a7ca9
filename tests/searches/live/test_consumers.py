"""The live view: subscribe, snapshot, events after its seq; who may watch, and what a client cannot do."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from nasportal.asgi import websocket
from searches import services
from searches.engine import events as engine
from searches.live.consumers import CHATTER_AT_MOST, RECHECK_SECONDS
from searches.live.event_tail import RESYNC, WAITING_AT_MOST, Subscription, look
from searches.models import SearchRun
from searches.selectors.snapshot import snapshot
from searches.supervision.recorder import events_record, progress_record
from tests.support.world import World, claim, reports_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]
in_database = database_sync_to_async
ORIGIN = b"http://localhost"


def headers(user: User | None, origin: bytes | None = ORIGIN) -> list[tuple[bytes, bytes]]:
    found = [(b"host", b"localhost")]
    if origin is not None:
        found.append((b"origin", origin))
    if user is not None:
        client = Client()
        client.force_login(user)
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        found.append((b"cookie", cookies.encode()))
    return found


@asynccontextmanager
async def watching(run: SearchRun, user: User) -> AsyncIterator[WebsocketCommunicator]:
    socket = WebsocketCommunicator(websocket, f"/ws/runs/{run.pk}/", headers=await in_database(headers)(user))
    connected, _ = await socket.connect(timeout=10)
    assert connected
    yield socket
    await socket.disconnect(timeout=10)


async def frame(socket: WebsocketCommunicator) -> dict[str, Any]:
    return json.loads(await socket.receive_from(timeout=10))  # type: ignore[no-any-return]


async def frames_until(socket: WebsocketCommunicator, kind: str) -> list[dict[str, Any]]:
    found = [await frame(socket)]
    while found[-1].get("kind", found[-1]["type"]) != kind:
        found.append(await frame(socket))
    return found


async def is_refused(run_id: int, user: User | None, origin: bytes | None = ORIGIN) -> bool:
    sent = await in_database(headers)(user, origin)
    socket = WebsocketCommunicator(websocket, f"/ws/runs/{run_id}/", headers=sent)
    connected, _ = await socket.connect(timeout=10)
    return not connected


@pytest.mark.parametrize("person", ["owner", "editor", "viewer"])
async def test_the_team_gets_a_snapshot_first(world: World, person: str) -> None:
    async with watching(world.finished, world.people[person]) as socket:
        first = await frame(socket)
    assert first["type"] == "snapshot"
    assert first["run"]["status"] == "finished"
    assert len(first["candidates"]) == first["candidates_total"] == 12


async def test_a_large_snapshot_comes_in_parts_that_daphne_lets_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(world.finished, world.alice) as socket:
        whole = await frame(socket)
    monkeypatch.setattr("searches.live.consumers.PART_AT_MOST", 1000)
    async with watching(world.finished, world.alice) as socket:
        parts = [await frame(socket)]
        while not parts[-1]["is_last"]:
            parts.append(await frame(socket))
    assert len(parts) > 2
    again = json.loads("".join(part["text"] for part in parts))
    assert again | {"now": whole["now"]} == whole


async def test_browsers_that_come_at_once_share_a_snapshot_until_something_happens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def counting(run: SearchRun) -> dict[str, Any]:
        taken.append(run.pk)
        return snapshot(run)

    monkeypatch.setattr("searches.live.consumers.snapshot", counting)
    monkeypatch.setattr("searches.live.consumers.FRESH_SECONDS", 3600)
    async with watching(world.run, world.alice) as first, watching(world.run, world.bob) as second:
        one, other = await frame(first), await frame(second)
        assert one == other
        assert taken == [world.run.pk]
        await in_database(services.run_pause)(run=world.run, by=world.alice)
        async with watching(world.run, world.bob) as third:
            assert (await frame(third))["seq"] == one["seq"] + 1
    assert len(taken) == 2


async def test_strangers_and_the_unknown_get_no_socket(world: World) -> None:
    assert await is_refused(world.run.pk, world.charlie)
    assert await is_refused(world.run.pk, None)
    assert await is_refused(10**15, world.alice)


@pytest.mark.parametrize("origin", [None, b"http://evil.example", b"null", b"http://localhost:9999"])
async def test_a_foreign_or_missing_origin_gets_no_socket(world: World, origin: bytes | None) -> None:
    assert await is_refused(world.run.pk, world.alice, origin)


async def test_every_event_arrives_once_and_in_order_after_the_snapshot(world: World) -> None:
    held = await in_database(claim)(world.run)
    reports = await in_database(lambda: [each for each in reports_of(world.run) if each.kind != "Progress"])()
    seen: list[dict[str, Any]] = []
    async with watching(world.run, world.alice) as socket:
        snapshot = await frame(socket)
        for report in reports:
            await in_database(events_record)(run_id=world.run.pk, token=held.token, events=[report])
        while not seen or seen[-1].get("payload", {}).get("status") != "finished":
            seen.append(await frame(socket))
    seqs = [each["seq"] for each in seen]
    newest = await in_database(SearchRun.objects.values_list("seq", flat=True).get)(pk=world.run.pk)
    assert seqs == list(range(snapshot["seq"] + 1, newest + 1))


async def test_a_second_client_starts_where_its_own_snapshot_is(world: World) -> None:
    async with watching(world.run, world.alice) as first:
        start = await frame(first)
        await in_database(services.run_pause)(run=world.run, by=world.bob)
        async with watching(world.run, world.bob) as second:
            later = await frame(second)
            assert later["seq"] == start["seq"] + 1
            await in_database(services.run_resume)(run=world.run, by=world.bob)
            told = [(await frames_until(first, "StatusChanged"))[-1] for _ in range(2)]
            assert [each["payload"]["status"] for each in told] == ["paused", "queued"]
            mine = await frame(second)
            assert (mine["seq"], mine["payload"]) == (later["seq"] + 1, {"status": "queued", "by": "bob", "reason": ""})


async def test_progress_is_sent_without_a_seq(world: World) -> None:
    held = await in_database(claim)(world.run)
    async with watching(world.run, world.alice) as socket:
        await frame(socket)
        report = engine.Progress(1, 7, 2, 5, 0.5, 0.9, 3.0)
        await in_database(progress_record)(run_id=world.run.pk, token=held.token, reports=[report])
        told = (await frames_until(socket, "progress"))[-1]
    assert told == {
        "type": "progress", "evaluator": 1, "number": 7, "epoch": 2, "epochs": 5, "loss": 0.5, "accuracy": 0.9,
        "seconds_left": 3.0,
    }  # fmt: skip


async def test_garbage_from_a_client_changes_nothing_until_it_is_too_much(world: World) -> None:
    async with watching(world.run, world.alice) as socket:
        await frame(socket)
        for garbage in ("{", '{"type": "snapshot"}', "[" * 10_000, "\0"):
            await socket.send_to(text_data=garbage)
        await socket.send_to(bytes_data=b"\xff" * 1000)
        await in_database(services.run_pause)(run=world.run, by=world.alice)
        assert (await frame(socket))["payload"]["status"] == "paused"
        for _ in range(CHATTER_AT_MOST):
            await socket.send_to(text_data="hello")
        answer = await socket.receive_output(timeout=10)
        assert (answer["type"], answer["code"]) == ("websocket.close", 4429)


async def test_a_deleted_run_says_goodbye(world: World) -> None:
    async with watching(world.run, world.alice) as socket:
        await frame(socket)
        await in_database(services.run_delete)(run=world.run, by=world.alice)
        assert (await frame(socket))["type"] == "gone"
        assert (await socket.receive_output(timeout=10))["type"] == "websocket.close"


async def test_a_member_who_was_removed_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("searches.live.consumers.RECHECK_SECONDS", 0.2)
    async with watching(world.run, world.bob) as socket:
        await frame(socket)
        await in_database(services.member_remove)(project=world.project, user=world.bob)
        answer = await socket.receive_output(timeout=10)
        assert (answer["type"], answer["code"]) == ("websocket.close", 4403)


def sign_out(user: User) -> None:
    Session.objects.all().delete()  # as the view does with the session that it is asked by


def close_account(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    user.set_password("another battery staple")
    user.save()


@pytest.mark.parametrize("end", [sign_out, close_account, change_password])
async def test_the_end_of_a_sign_in_ends_the_live_view(
    world: World, monkeypatch: pytest.MonkeyPatch, end: Callable[[User], None]
) -> None:
    assert RECHECK_SECONDS < 30
    monkeypatch.setattr("searches.live.consumers.RECHECK_SECONDS", 0.2)
    async with watching(world.run, world.vera) as socket:
        await frame(socket)
        await in_database(end)(world.vera)
        answer = await socket.receive_output(timeout=10)
        assert (answer["type"], answer["code"]) == ("websocket.close", 4401)


async def test_a_client_that_is_too_slow_is_told_to_start_anew() -> None:
    slow = Subscription(1)
    for seq in range(WAITING_AT_MOST + 3):
        slow.put({"type": "event", "seq": seq})
    waiting = [slow.frames.get_nowait() for _ in range(slow.frames.qsize())]
    assert waiting[0] is RESYNC
    assert [each["seq"] for each in waiting[1:]] == [WAITING_AT_MOST + 1, WAITING_AT_MOST + 2]


async def test_one_look_reads_all_watched_runs_with_few_queries(
    world: World, django_assert_max_num_queries: Any
) -> None:
    def looked() -> None:
        with django_assert_max_num_queries(4):
            news = look({world.run.pk: 0, world.finished.pk: 0, 10**9: 5}, None)
        assert news.gone == {10**9}
        assert news.positions[world.finished.pk] == world.finished.seq

    await in_database(looked)()

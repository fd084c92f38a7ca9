"""Redis may be away, slow, cut off or emptied: the portal works on without it, and the live view does not notice."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from channels.testing import WebsocketCommunicator
from django.core.cache import cache
from django.test import Client

from nasportal.redis_cache import ANSWER_SECONDS, AWAY_SECONDS
from searches import services
from searches.services import wakeups
from tests.chaos.relay import Relay, relay_to
from tests.searches.live.test_consumers import in_database, watching
from tests.support.portal import free_port
from tests.support.world import World

DATABASE = 11  # of this machine's Redis; what is in it is nobody else's


@pytest.fixture
def server() -> Iterator["redis.Redis[bytes]"]:
    """This machine's Redis, past the relay."""
    client = redis.Redis(port=6379, db=DATABASE)
    try:
        client.ping()
    except redis.RedisError as fault:
        pytest.skip(f"no Redis server answers at 127.0.0.1:6379: {fault}")
    client.flushdb()
    yield client
    client.flushdb()


@pytest.fixture
def wire(server: "redis.Redis[bytes]", settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """The portal reaches Redis through a relay."""
    monkeypatch.setattr(wakeups, "_away_until", 0.0)
    with relay_to(6379) as relay:
        address = f"redis://127.0.0.1:{relay.port}/{DATABASE}"
        settings.CACHES = {"default": {"BACKEND": "nasportal.redis_cache.ForgivingRedisCache", "LOCATION": address}}
        layer = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [address]}}
        settings.CHANNEL_LAYERS = {"default": layer}
        yield relay


def test_the_api_answers_while_redis_is_away(world: World, client: Client, settings: Any) -> None:
    address = f"redis://127.0.0.1:{free_port()}/0"
    settings.CACHES = {"default": {"BACKEND": "nasportal.redis_cache.ForgivingRedisCache", "LOCATION": address}}
    client.force_login(world.alice)
    answer = client.get("/api/v1/runs/")
    assert (answer.status_code, answer.json()["count"]) == (200, 2)
    assert Client().post("/login/", {"username": "alice", "password": "wrong"}).status_code == 200
    cache.set("a", 1)
    assert (cache.get("a", 3), cache.get_many(["a"]), cache.add("a", 1), cache.incr("a")) == (3, {}, True, 1)
    assert (cache.touch("a"), cache.delete("a"), cache.has_key("a")) == (False, False, False)


@pytest.mark.parametrize("state", ["refuse", "cut", "slow 0.1", "slow 2"])
def test_the_api_waits_once_at_most_whatever_ails_redis(
    world: World, client: Client, wire: Relay, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    """For less than a second; that is read off the rule, since a busy machine's requests take as long by themselves."""
    client.force_login(world.alice)
    assert client.get("/api/v1/runs/").status_code == 200  # it is connected
    wire.tell(state)
    began = time.monotonic()
    for _ in range(3):
        assert client.get("/api/v1/runs/").status_code == 200
    waits = sum("Redis does not answer" in line for line in caplog.messages)
    assert waits == 1 or (waits == 0 and state == "slow 0.1")
    assert ANSWER_SECONDS < 1
    assert time.monotonic() - began < AWAY_SECONDS  # without the rule, "slow 2" takes longer and "cut" never ends


def test_a_server_that_is_back_is_asked_again(wire: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasportal.redis_cache.AWAY_SECONDS", 0.2)
    wire.tell("refuse")
    cache.set("a", 1)
    wire.tell("heal")
    assert cache.get("a", 0) == 0  # not asked yet
    time.sleep(0.3)
    cache.set("a", 2)
    assert cache.get("a") == 2


def test_what_is_emptied_is_counted_anew(wire: Relay, server: "redis.Redis[bytes]", world: World) -> None:
    client = Client()
    client.force_login(world.alice)
    assert client.get("/api/v1/runs/").status_code == 200
    assert server.dbsize() > 0
    server.flushdb()
    assert client.get("/api/v1/runs/").status_code == 200
    assert server.dbsize() > 0


async def soon(socket: WebsocketCommunicator) -> dict[str, Any]:
    return json.loads(await socket.receive_from(timeout=5))  # type: ignore[no-any-return]


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", ["refuse", "cut", "slow 1", "emptied"])
async def test_events_reach_a_browser_whatever_ails_redis(
    wire: Relay, server: "redis.Redis[bytes]", world: World, state: str
) -> None:
    """They are rows that the web process reads; Redis is not asked for them."""
    async with watching(world.run, world.alice) as first:
        assert (await soon(first))["type"] == "snapshot"
        server.flushdb() if state == "emptied" else wire.tell(state)
        async with watching(world.run, world.alice) as second:  # one who comes now is let in, too
            seq = (await soon(second))["seq"]
            for wish, status in (("pause", "paused"), ("resume", "queued")):
                await in_database(getattr(services, f"run_{wish}"))(run=world.run, by=world.alice)
                seq += 1
                for socket in (first, second):
                    told = await soon(socket)
                    assert (told["seq"], told["payload"]["status"]) == (seq, status)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_nudge_over_redis_is_quicker_than_the_next_look(
    wire: Relay, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searches.live.event_tail.TICK_SECONDS", 3600)
    async with watching(world.run, world.alice) as socket:
        seq = (await soon(socket))["seq"]
        for wish in ("pause", "resume"):
            await in_database(getattr(services, f"run_{wish}"))(run=world.run, by=world.alice)
            seq += 1
            assert (await soon(socket))["seq"] == seq


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.002, 0.004, 0.02, 0.3])
async def test_who_listens_for_nudges_ends_when_told_to(wire: Relay, seconds: float) -> None:
    async with asyncio.timeout(5):
        async with wakeups.heard(lambda: None):
            await asyncio.sleep(seconds)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "nudges"]


def test_who_commits_waits_once_for_a_broker_that_hangs(
    wire: Relay, world: World, django_capture_on_commit_callbacks: Any
) -> None:
    wire.tell("slow 5")
    spent = []
    for wish in ("pause", "resume"):
        began = time.monotonic()
        with django_capture_on_commit_callbacks(execute=True):
            getattr(services, f"run_{wish}")(run=world.run, by=world.alice)
        spent.append(time.monotonic() - began)
    assert spent[0] < 2
    assert spent[1] < wakeups.ANSWER_SECONDS

"""Redis may be away: the portal works on, without a cache."""

from typing import Any

from django.core.cache import cache
from django.test import Client

from tests.portal import free_port
from tests.world import World


def test_the_api_answers_while_redis_is_away(world: World, client: Client, settings: Any) -> None:
    address = f"redis://127.0.0.1:{free_port()}/0"
    settings.CACHES = {"default": {"BACKEND": "nasportal.cache.ForgivingRedisCache", "LOCATION": address}}
    client.force_login(world.alice)
    answer = client.get("/api/v1/runs/")
    assert (answer.status_code, answer.json()["count"]) == (200, 2)
    assert Client().post("/login/", {"username": "alice", "password": "wrong"}).status_code == 200
    cache.set("a", 1)
    assert (cache.get("a", 3), cache.get_many(["a"]), cache.add("a", 1), cache.incr("a")) == (3, {}, True, 1)
    assert (cache.touch("a"), cache.delete("a"), cache.has_key("a")) == (False, False, False)

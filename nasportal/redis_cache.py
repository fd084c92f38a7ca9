"""Redis as a cache that may be away or slow: what it does not answer was not there, and a page never fails for it."""

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis import RedisError

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 0.3  # a page asks two or three times, and has a second
AWAY_SECONDS = 5.0  # one that did not answer is not asked again for so long: each request would wait for it

_away_until: dict[tuple[str, ...], float] = {}  # by servers; each thread has a cache object of its own


def or_else(name: str, answer: Callable[..., Any]) -> Any:
    """The method of Django's cache, and what it answers while there is no server."""
    method = getattr(RedisCache, name)

    @wraps(method)
    def forgiving(self: "ForgivingRedisCache", *args: Any, **options: Any) -> Any:
        if time.monotonic() < _away_until.get(self.servers, 0.0):
            return answer(*args, **options)
        try:
            return method(self, *args, **options)
        except (RedisError, OSError) as fault:
            _away_until[self.servers] = time.monotonic() + AWAY_SECONDS
            logger.warning("Redis does not answer: %s", " ".join(str(fault).split()))
            return answer(*args, **options)

    return forgiving


def default_of(key: Any, default: Any = None, version: int | None = None) -> Any:
    return default


class ForgivingRedisCache(RedisCache):
    """Rate limits count nothing and the cluster's state is not shown while the server is away."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        patience = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        super().__init__(server, params | {"OPTIONS": patience | params.get("OPTIONS", {})})
        self.servers = (server,) if isinstance(server, str) else tuple(server)

    get = or_else("get", default_of)
    get_many = or_else("get_many", lambda *args, **options: {})
    add = or_else("add", lambda *args, **options: True)
    set = or_else("set", lambda *args, **options: None)
    set_many = or_else("set_many", lambda *args, **options: [])
    touch = or_else("touch", lambda *args, **options: False)
    delete = or_else("delete", lambda *args, **options: False)
    delete_many = or_else("delete_many", lambda *args, **options: None)
    has_key = or_else("has_key", lambda *args, **options: False)
    incr = or_else("incr", lambda key, delta=1, version=None: delta)
    clear = or_else("clear", lambda *args, **options: False)

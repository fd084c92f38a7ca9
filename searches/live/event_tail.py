"""Follows the events of all watched runs with one small task per web process, and hands them to the sockets.

One indexed read per tick shows for every watched run whether its `seq` rose. Where Redis carries a nudge the next look
comes sooner; without it, or with a Redis that is away, a tick later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError

from searches.models import Event, Progress, SearchRun
from searches.services.wakeups import heard

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1
LEAST_SECONDS = 0.02  # between two looks, however many nudges come
WAITING_AT_MOST = 256  # frames for one client; above that it starts anew from a snapshot
EVENTS_A_TICK = 500  # of one run
RETRY_SECONDS = 2.0  # when the database does not answer

Frame = dict[str, Any]
RESYNC: Frame = {"type": "resync"}
GONE: Frame = {"type": "gone"}

# The tail has a thread of its own: a large snapshot for one client must not hold up the events of the others.
_thread = ThreadPoolExecutor(1, thread_name_prefix="tail")


@dataclass(eq=False)
class Subscription:
    """The frames that wait for one client."""

    run_id: int
    frames: asyncio.Queue[Frame] = field(default_factory=lambda: asyncio.Queue(WAITING_AT_MOST))

    def put(self, frame: Frame) -> None:
        """A client that is too slow loses its queue and has to start anew."""
        if self.frames.full():
            while not self.frames.empty():
                self.frames.get_nowait()
            frame = RESYNC
        self.frames.put_nowait(frame)


@dataclass
class News:
    """What one look at the database found."""

    positions: dict[int, int]
    frames: list[tuple[int, Frame]]
    progress_at: datetime | None
    gone: set[int]


class Tail:
    """The subscriptions of one event loop, and the task that feeds them."""

    def __init__(self) -> None:
        self.subscriptions: dict[int, set[Subscription]] = {}
        self.positions: dict[int, int] = {}
        self.progress_at: datetime | None = None
        self.task: asyncio.Task[None] | None = None
        self.woken = asyncio.Event()

    async def subscribe(self, run_id: int) -> Subscription:
        """Queues every event for this client from now on; a snapshot that is taken afterwards is never older."""
        if run_id not in self.positions:
            position = await _in_thread(newest_seq)(run_id)
            self.positions.setdefault(run_id, position)
        subscription = Subscription(run_id)
        self.subscriptions.setdefault(run_id, set()).add(subscription)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._follow(), name="tail")
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        others = self.subscriptions.get(subscription.run_id, set())
        others.discard(subscription)
        if not others:
            self.subscriptions.pop(subscription.run_id, None)
            self.positions.pop(subscription.run_id, None)

    async def _follow(self) -> None:
        async with heard(self.woken.set):
            await self._look_again_and_again()

    async def _look_again_and_again(self) -> None:
        while self.subscriptions:
            began = time.monotonic()
            try:
                news = await _in_thread(look)(dict(self.positions), self.progress_at)
            except (DatabaseError, InterfaceError):
                log.exception("the database does not answer; the next attempt follows")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._hand_out(news)
            await asyncio.sleep(LEAST_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS - (time.monotonic() - began)):
                    await self.woken.wait()
            self.woken.clear()

    def _hand_out(self, news: News) -> None:
        self.progress_at = news.progress_at
        for run_id, position in news.positions.items():
            if run_id in self.positions:
                self.positions[run_id] = position
        for run_id, frame in news.frames + [(run_id, GONE) for run_id in news.gone]:
            for subscription in self.subscriptions.get(run_id, ()):
                subscription.put(frame)


def newest_seq(run_id: int) -> int:
    return SearchRun.objects.values_list("seq", flat=True).filter(pk=run_id).first() or 0


def look(positions: Mapping[int, int], progress_at: datetime | None) -> News:
    """The events above each run's position, and the progress since the last look."""
    newest = dict(SearchRun.objects.filter(pk__in=positions).values_list("pk", "seq"))
    news = News({}, [], progress_at, set(positions) - set(newest))
    for run_id, seq in newest.items():
        if seq > positions[run_id]:
            frames = Event.objects.filter(run_id=run_id).after(positions[run_id])[:EVENTS_A_TICK].frames()
            news.frames += [(run_id, frame) for frame in frames]
            news.positions[run_id] = frames[-1]["seq"] if frames else seq
    moved = Progress.objects.filter(run_id__in=positions)
    moved = moved.filter(at__gt=progress_at) if progress_at else moved
    for run_id, payload, at in moved.order_by("at").values_list("run_id", "payload", "at"):
        news.frames.append((run_id, {"type": "progress"} | payload))
        news.progress_at = at
    return news


def _in_thread(function: Any) -> Any:
    return database_sync_to_async(function, thread_sensitive=False, executor=_thread)


_tails: WeakKeyDictionary[asyncio.AbstractEventLoop, Tail] = WeakKeyDictionary()


def tail() -> Tail:
    """The tail of the running event loop; a web process has one."""
    return _tails.setdefault(asyncio.get_running_loop(), Tail())

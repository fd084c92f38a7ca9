"""The live view of a run: first the subscription, then a snapshot, then the events after its `seq`."""

import asyncio
import contextlib
import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest

from searches.live.event_tail import GONE, RESYNC, Frame, Subscription, tail
from searches.models import SearchRun
from searches.selectors.snapshot import snapshot

log = logging.getLogger(__name__)

RECHECK_SECONDS = 25.0  # who signs out, or is removed, stops seeing within half a minute
SIGNED_OUT = 4401  # also for an account that was closed
NO_LONGER_SHARED = 4403
NOT_FOUND = 4404  # also for what was never yours
# Daphne closes a connection over a message of more than 1 MiB; escaped once more, a part is at most twice its text.
PART_AT_MOST = 400_000
CHATTER_AT_MOST = 200  # messages of a client; it has nothing to say, and one that talks on is let go
TOO_CHATTY = 4429
TRY_AGAIN = 1013
FRESH_SECONDS = 1.0  # how old a snapshot may be that several browsers get


class RunConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One browser that watches one run."""

    # Not on the channel layer: all that it sends are rows, and a socket that listened to Redis would end with Redis.
    channel_layer_alias = None
    subscription: Subscription | None = None
    pump: asyncio.Task[None] | None = None
    heard = 0

    async def connect(self) -> None:
        self.run_id = int(self.scope["url_route"]["kwargs"]["pk"])
        if await self.objection() is not None:
            await self.close(NOT_FOUND)
            return
        await self.accept()
        self.subscription = await tail().subscribe(self.run_id)
        self.pump = asyncio.create_task(self.send_all(self.subscription), name=f"run {self.run_id}")

    async def disconnect(self, code: int) -> None:
        if self.subscription is not None:
            tail().unsubscribe(self.subscription)
        if self.pump is not None:
            self.pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.pump

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing that a browser says is read: what it wants, it asks for over HTTP."""
        self.heard += 1
        if self.heard > CHATTER_AT_MOST:
            await self.close(TOO_CHATTY)

    async def send_all(self, subscription: Subscription) -> None:
        try:
            code = await self.follow(subscription)
        except (DatabaseError, InterfaceError):
            log.exception("run %s: the database does not answer", self.run_id)
            await self.close(TRY_AGAIN)
        else:
            await self.close(code)

    async def follow(self, subscription: Subscription) -> int:
        """Sends a snapshot, then what is newer than it; a client that fell behind gets another snapshot.

        Returns the code with which to close, once the run is gone or not to be seen any more.
        """
        seq = await self.send_snapshot()
        due = time.monotonic() + RECHECK_SECONDS
        while seq is not None:
            try:
                frame = await asyncio.wait_for(subscription.frames.get(), max(due - time.monotonic(), 0.01))
            except TimeoutError:
                frame = None
            if time.monotonic() >= due:
                due = time.monotonic() + RECHECK_SECONDS
                if (objection := await self.objection()) is not None:
                    return objection
            if frame is None or frame.get("seq", seq + 1) <= seq:
                continue
            await self.send_frame(frame)
            if frame is GONE:
                break
            seq = await self.send_snapshot() if frame is RESYNC else frame.get("seq", seq)
        return NOT_FOUND

    async def send_snapshot(self) -> int | None:
        """The `seq` of the snapshot that was sent; None when the run is gone."""
        taken: Taken | None = await database_sync_to_async(_snapshot)(self.run_id)
        if taken is None:
            return None
        await self.send_text(taken.text)
        return taken.seq

    async def send_frame(self, frame: Frame) -> None:
        await self.send_text(dumps(frame))

    async def send_text(self, text: str) -> None:
        """A large one goes as parts `{"type": "part", "text", "is_last"}`, whose texts together are the frame."""
        if len(text) <= PART_AT_MOST:
            await self.send(text)
            return
        for start in range(0, len(text), PART_AT_MOST):
            part = {
                "type": "part",
                "text": text[start : start + PART_AT_MOST],
                "is_last": start + PART_AT_MOST >= len(text),
            }
            await self.send(json.dumps(part, separators=(",", ":")))

    async def objection(self) -> int | None:
        """The code that says why this browser may not see the run; None while it may."""
        session = self.scope["session"].session_key
        code: int | None = await database_sync_to_async(_objection)(self.run_id, session)
        return code


def _objection(run_id: int, session: str | None) -> int | None:
    """Looks at session, account and membership as they are now: the scope has them as they were at the handshake."""
    request = HttpRequest()
    request.session = SessionStore(session)
    user = get_user(request)
    if not user.is_authenticated:
        return SIGNED_OUT
    if SearchRun.objects.visible_to(user).filter(pk=run_id).exists():
        return None
    return NO_LONGER_SHARED if SearchRun.objects.filter(pk=run_id).exists() else NOT_FOUND


def dumps(frame: Frame) -> str:
    return json.dumps(frame, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True)
class Taken:
    """A snapshot as it is sent."""

    created: datetime  # of the run: a database that was restored may give its number to another
    seq: int
    at: float
    text: str


# After a restart hundreds of browsers want the snapshots of a few runs at once. One thread of the process reads rows.
_taken: dict[int, Taken] = {}


def _snapshot(run_id: int) -> Taken | None:
    """The state now: an older snapshot is as good while nothing has happened since; its clocks are a second behind."""
    found = SearchRun.objects.filter(pk=run_id).values_list("created", "seq").first()
    if found is None:
        return None
    now = time.monotonic()
    for old in [key for key, each in _taken.items() if now - each.at > FRESH_SECONDS]:
        del _taken[old]
    known = _taken.get(run_id)
    if known is not None and (known.created, known.seq) == found:
        return known
    try:
        state = snapshot(SearchRun(pk=run_id))
    except SearchRun.DoesNotExist:  # deleted in between
        return None
    known = _taken[run_id] = Taken(found[0], state["seq"], time.monotonic(), dumps(state))
    return known

"""A word to the web processes, after the commit, that a run moved: over Channels' layer, where Redis carries it.

Only a nudge: the rows are the truth, and who hears nothing looks at them a tick later all the same. Within one process
there is nobody to inform.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import transaction

log = logging.getLogger(__name__)

GROUP = "runs"
ANSWER_SECONDS = 0.3  # who commits does not wait longer for a broker
AWAY_SECONDS = 5.0  # one that did not answer is left alone for so long
RENEWED_SECONDS = 3600.0  # a place in a group falls after a day

_away_until = 0.0


def carrier() -> Any:
    """The layer that reaches other processes; None without one."""
    layer = get_channel_layer()
    return None if isinstance(layer, InMemoryChannelLayer) else layer


def faults() -> tuple[type[Exception], ...]:
    """Returns the errors of a broker; its library is imported only where there is one."""
    from redis import RedisError

    return RedisError, OSError  # among these TimeoutError


def nudge(run_id: int) -> None:
    """Told when the transaction that is open has been committed."""
    if carrier() is not None:
        transaction.on_commit(partial(_tell, run_id))


def _tell(run_id: int) -> None:
    global _away_until
    if time.monotonic() < _away_until:
        return
    try:
        async_to_sync(_send)(run_id)
    except faults() as fault:
        _away_until = time.monotonic() + AWAY_SECONDS
        log.warning("nobody is told that run %s moved: %s", run_id, " ".join(str(fault).split()) or "no answer")


async def _send(run_id: int) -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        await carrier().group_send(GROUP, {"type": "run.moved", "run": run_id})


@asynccontextmanager
async def heard(woken: Callable[[], None]) -> AsyncIterator[None]:
    """Calls back at each nudge within."""
    listening = asyncio.create_task(_hear(woken), name="nudges")
    try:
        yield
    finally:
        while not listening.done():  # redis-py loses a cancellation that comes while it connects
            listening.cancel()
            await asyncio.wait([listening], timeout=0.1)


async def _hear(woken: Callable[[], None]) -> None:
    layer, task = carrier(), asyncio.current_task()
    assert task is not None
    while layer is not None and not task.cancelling():
        try:
            channel = await layer.new_channel()
            await layer.group_add(GROUP, channel)
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEWED_SECONDS):
                    while True:
                        await layer.receive(channel)
                        woken()
        except faults() as fault:
            if task.cancelling():
                return  # told as a timeout, which it was not
            log.warning("no nudges: %s", " ".join(str(fault).split()))
            await asyncio.sleep(AWAY_SECONDS)

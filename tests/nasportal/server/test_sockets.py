"""Sockets that are not as they should be, against the real web server: each is refused or let go, and it serves on."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from urllib.request import urlopen

import psutil
import pytest

from tests.nasportal.server.test_kills import SPEC, Program
from tests.support.portal import running_portal, wait_until
from tests.support.wire import Closed, Refused, Wire, opened

pytestmark = pytest.mark.slow
MIB = 2**20


class Server:
    """A portal, somebody who is signed in, and one of her runs."""

    def __init__(self, program: Program) -> None:
        self.program, self.portal = program, program.portal
        self.cookies = {cookie.name: cookie.value or "" for cookie in program.cookies}
        project = program.ask("projects/", {"name": "Sockets"})["slug"]
        self.run = program.ask("runs/", {"project": project, "name": "watched", "spec": SPEC})["id"]

    @property
    def web(self) -> psutil.Process:
        return self.portal.program("daphne")

    def open(self, **changes: object) -> contextlib.AbstractAsyncContextManager[Wire]:
        if changes.get("cookies") == "forged":
            changes = changes | {"cookies": dict.fromkeys(self.cookies, "forged")}
        arguments = {"path": f"/ws/runs/{self.run}/", "cookies": self.cookies, "origin": self.portal.address} | changes
        return opened(self.portal.port, **arguments)  # type: ignore[arg-type]

    def serves_on(self) -> bool:
        began = time.monotonic()
        with urlopen(f"{self.portal.address}/healthz", timeout=10) as answer:
            return bool(answer.status == 200) and time.monotonic() - began < 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_portal(tmp_path_factory.mktemp("sockets") / "var", NASPORTAL_RUNS_AT_ONCE="2") as portal:
        yield Server(Program(portal))


async def end_of(server: Server, act: Callable[[Wire], Awaitable[None]]) -> int:
    """With which code the server closes a socket after that was done to it."""
    async with server.open() as wire:
        assert (await wire.receive())["type"] == "snapshot"
        with contextlib.suppress(ConnectionError):
            await act(wire)
        try:
            while True:
                await asyncio.wait_for(wire.receive(), 30)
        except Closed as closed:
            return int(closed.args[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": None},
        {"cookies": {}},
        {"cookies": "forged"},
        {"origin": "http://127.0.0.1:1"},
        {"path": "/ws/runs/999999/"},
        {"path": "/ws/runs/-1/"},
        {"path": "/ws/"},
    ],
    ids=str,
)
def test_who_may_not_see_the_run_gets_no_socket(server: Server, changes: dict[str, object]) -> None:
    async def ask() -> None:
        async with server.open(**changes):
            pass

    with pytest.raises(Refused) as refused:
        asyncio.run(ask())
    assert refused.value.args[0] == 403
    assert server.serves_on()


def test_a_message_of_64_megabytes_ends_the_socket_and_is_not_kept(server: Server) -> None:
    before = server.web.memory_info().rss
    assert asyncio.run(end_of(server, lambda wire: wire.send("x" * 64 * MIB))) in (1009, 0)
    assert server.serves_on()
    assert server.web.memory_info().rss - before < 48 * MIB


def test_a_thousand_messages_a_second_are_too_many(server: Server) -> None:
    async def chatter(wire: Wire) -> None:
        for number in range(1000):
            await wire.send(("{", "[" * 1000, "\0", '{"type": "snapshot"}')[number % 4])

    assert asyncio.run(end_of(server, chatter)) in (4429, 0)
    assert server.serves_on()


def length(size: int) -> bytes:
    return bytes([0x80 | 127]) + size.to_bytes(8, "big") + bytes(4)


@pytest.mark.parametrize(
    ("frame", "codes"),
    [
        (b"\x81\x05hello", {1002}),  # a client must mask
        (b"\xf1\x80" + bytes(4), {1002}),  # reserved bits
        (b"\x83\x80" + bytes(4), {1002}),  # a kind that there is not
        (b"\x80\x81" + bytes(4) + b"x", {1002}),  # goes on where nothing began
        (b"\x89\xfe\x00\x7e" + bytes(4) + bytes(126), {1002}),  # a long ping
        (b"\x81\x82" + bytes(4) + b"\xff\xfe", {1007}),  # no UTF-8
        (b"\x81" + length(2**62), {1009}),
        (b"\x81" + length(2**63), {1002, 1009}),
        (b"\x88\x81" + bytes(4) + b"x", {1002}),  # half a code
    ],
    ids=["unmasked", "reserved", "unknown", "loose end", "long ping", "no text", "4 EiB", "negative", "half a code"],
)
def test_bytes_that_are_no_websocket_end_the_socket_alone(server: Server, frame: bytes, codes: set[int]) -> None:
    async def act(wire: Wire) -> None:
        wire.writer.write(frame)
        await wire.writer.drain()

    assert asyncio.run(end_of(server, act)) in {*codes, 0}
    assert server.serves_on()
    assert "Traceback" not in server.portal.log("web")


def test_readers_that_never_read_hold_nobody_up(server: Server) -> None:
    async def together() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                await stack.enter_async_context(server.open(buffer=1024))
            async with server.open() as wire:
                assert (await asyncio.wait_for(wire.receive(), 10))["type"] == "snapshot"
            assert await asyncio.to_thread(server.serves_on)

    asyncio.run(together())


class Watcher:
    """A browser that is kept open: a snapshot, then the events after its `seq`; a closed socket is a start-up again."""

    def __init__(self, server: Server, run: int) -> None:
        self.server, self.run = server, run
        self.starts: list[int] = []  # the seq of each snapshot
        self.seen: list[list[int]] = []  # and of the events after it

    async def watch(self) -> None:
        """Until it is cancelled. No time limit: under load, one who gives up and asks again is never answered."""
        while True:
            with contextlib.suppress(Closed, ConnectionError, asyncio.IncompleteReadError):
                async with self.server.open(path=f"/ws/runs/{self.run}/") as wire:
                    while True:
                        self.take(await wire.receive())
            await asyncio.sleep(0.2)

    def take(self, frame: dict[str, object]) -> None:
        if frame["type"] == "snapshot":
            self.starts.append(int(str(frame["seq"])))
            self.seen.append([])
        elif frame["type"] == "event":
            self.seen[-1].append(int(str(frame["seq"])))

    @property
    def newest(self) -> int:
        return max([*self.starts, *itertools.chain(*self.seen)], default=-1)


@contextlib.asynccontextmanager
async def all_watching(watchers: list[Watcher]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(watcher.watch()) for watcher in watchers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [fault for fault in ended if not isinstance(fault, asyncio.CancelledError)] == []


async def until_all(watchers: list[Watcher], what: Callable[[Watcher], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while late := sum(not what(watcher) for watcher in watchers):
        assert time.monotonic() < until, f"{late} of {len(watchers)} sockets are not so far"
        await asyncio.sleep(0.05)


def test_fifty_sockets_catch_up_after_the_web_server_was_killed(server: Server) -> None:
    program = server.program
    project = program.ask("projects/", {"name": "Killed"})["slug"]
    run = program.ask("runs/", {"project": project, "name": "watched by fifty", "spec": SPEC | {"evaluations": 200}})
    watchers = [Watcher(server, run["id"]) for _ in range(50)]

    async def together() -> int:
        async with all_watching(watchers):
            await until_all(watchers, lambda watcher: any(watcher.seen))  # the search goes on all the time
            server.web.kill()
            await until_all(watchers, lambda watcher: len(watcher.starts) > 1)
            last = await asyncio.to_thread(ended, program, run["id"])
            await until_all(watchers, lambda watcher: watcher.newest >= last)
        return last

    last = asyncio.run(together())
    told = program.ask(f"runs/{run['id']}/events/?limit=1000")["events"]
    assert [event["seq"] for event in told] == list(range(1, last + 1))  # what was missed can be read
    for watcher in watchers:
        newest = -1
        for start, seen in zip(watcher.starts, watcher.seen, strict=True):
            assert start >= newest, "a snapshot forgot what was seen"
            assert seen == list(range(start + 1, start + 1 + len(seen))), "a gap, or an event seen twice"
            newest = max(start, *seen) if seen else start
        assert newest == last


def ended(program: Program, run: int) -> int:
    """Cancelled; the seq of what was told last."""
    program.ask(f"runs/{run}/cancel/", {})
    wait_until(lambda: program.ask(f"runs/{run}/")["status"] == "cancelled")
    return int(program.ask(f"runs/{run}/")["seq"])

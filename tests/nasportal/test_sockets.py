"""Sockets that are not as they should be, against the real web server: each is refused or let go, and it serves on."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from urllib.request import urlopen

import psutil
import pytest

from tests.nasportal.test_kills import SPEC, Program
from tests.portal import running_portal
from tests.wire import Closed, Refused, Wire, opened

pytestmark = pytest.mark.slow
MIB = 2**20


class Server:
    """A portal, somebody who is signed in, and one of her runs."""

    def __init__(self, program: Program) -> None:
        self.program, self.portal = program, program.portal
        self.cookies = {cookie.name: cookie.value or "" for cookie in program.cookies}
        project = program.ask("projects/", {"name": "Sockets"})["slug"]
        self.run = program.ask("runs/", {"project": project, "name": "watched", "spec": SPEC})["id"]
        self.web = psutil.Process(self.portal.program("daphne").pid)

    def open(self, **changes: object) -> contextlib.AbstractAsyncContextManager[Wire]:
        arguments = {"path": f"/ws/runs/{self.run}/", "cookies": self.cookies, "origin": self.portal.address} | changes
        return opened(self.portal.port, **arguments)  # type: ignore[arg-type]

    def serves_on(self) -> bool:
        began = time.monotonic()
        with urlopen(f"{self.portal.address}/healthz", timeout=10) as answer:
            return bool(answer.status == 200) and time.monotonic() - began < 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_portal(tmp_path_factory.mktemp("sockets") / "var") as portal:
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
        {"cookies": {"nasportal_session": "forged"}},
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


def test_readers_that_never_read_hold_nobody_up(server: Server) -> None:
    async def together() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                await stack.enter_async_context(server.open(buffer=1024))
            async with server.open() as wire:
                assert (await asyncio.wait_for(wire.receive(), 10))["type"] == "snapshot"
            assert await asyncio.to_thread(server.serves_on)

    asyncio.run(together())

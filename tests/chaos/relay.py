"""``python -m tests.chaos.relay PORT TARGET``: a wire to a server of this machine; how it is comes on stdin.

cut      nothing passes and nobody is told, as in a network that has come apart
refuse   every connection is closed and none is taken, as where the server is stopped
slow S   each piece waits for S seconds
heal     all is well again
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.portal import free_port

ROOT = Path(__file__).resolve().parents[2]


class Relay:
    """A relay in a process of its own, and what it is told."""

    def __init__(self, port: int, process: "subprocess.Popen[str]") -> None:
        self.port = port
        self.process = process

    def tell(self, words: str) -> None:
        """Comes back when it is so."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == words


@contextmanager
def relay_to(target: int) -> Iterator[Relay]:
    port = free_port()
    command = [sys.executable, "-m", "tests.chaos.relay", str(port), str(target)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield Relay(port, process)
    finally:
        process.kill()
        process.wait()


class Wire:
    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self.delay = 0.0
        self.server: asyncio.Server | None = None
        self.writers: set[asyncio.StreamWriter] = set()
        self.is_whole = asyncio.Event()
        self.is_whole.set()

    async def be(self, state: str, seconds: float) -> None:
        if state == "refuse":
            self.close()
        elif self.server is None:
            self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.is_whole.clear() if state == "cut" else self.is_whole.set()
        self.delay = seconds

    def close(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None
        for writer in self.writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            await self.is_whole.wait()
            there = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers.add(there[1])
            await asyncio.gather(self.pump(reader, there[1]), self.pump(there[0], writer))
            self.writers.discard(there[1])
        except OSError:
            writer.close()
        finally:
            self.writers.discard(writer)

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while received := await reader.read(1 << 16):
                await asyncio.sleep(self.delay)
                await self.is_whole.wait()
                writer.write(received)
                await writer.drain()
        except OSError:
            pass  # the other end went away, and that is all there is to say
        finally:
            writer.close()


async def main(port: int, target: int) -> None:
    wire = Wire(port, target)
    await wire.be("heal", 0.0)
    print("ready", flush=True)
    while words := (await asyncio.to_thread(sys.stdin.readline)).split():
        await wire.be(words[0], float(words[1]) if len(words) > 1 else 0.0)
        print(*words, flush=True)
    wire.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

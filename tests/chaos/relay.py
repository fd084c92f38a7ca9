"""``python -m tests.chaos.relay PORT TARGET``: a wire to a database; ``cut`` and ``heal`` come on stdin.

While it is cut nothing passes and nobody is told, as in a network that has come apart.
"""

import asyncio
import sys


class Wire:
    def __init__(self, target: int) -> None:
        self.target = target
        self.is_whole = asyncio.Event()
        self.is_whole.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.is_whole.wait()
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self.pump(reader, there[1]), self.pump(there[0], writer))

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while received := await reader.read(1 << 16):
                await self.is_whole.wait()
                writer.write(received)
                await writer.drain()
        except OSError:
            pass  # the other end went away, and that is all there is to say
        finally:
            writer.close()


async def main(port: int, target: int) -> None:
    wire = Wire(target)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", port)
    print("ready", flush=True)
    while command := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if command == "cut":
            wire.is_whole.clear()
        else:
            wire.is_whole.set()
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

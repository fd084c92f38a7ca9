"""A websocket client of a few lines (RFC 6455), which may also behave badly; standard library only."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
PIECE = 2**20


class Refused(Exception):
    """The handshake was answered with this HTTP status."""


class Closed(Exception):
    """The server has closed the socket; the code is 0 where it only hung up."""


class Wire:
    """An open websocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, text: str) -> None:
        """One message in one frame; its mask is zero, which is legal and leaves the bytes as they are."""
        content = text.encode()
        size = len(content)
        if size < 126:
            head = struct.pack("!BB", 0x80 | TEXT, 0x80 | size)
        else:
            head = struct.pack("!BBQ", 0x80 | TEXT, 0x80 | 127, size)
        self.writer.write(head + bytes(4))
        for start in range(0, size, PIECE):
            self.writer.write(content[start : start + PIECE])
            await self.writer.drain()

    async def receive(self) -> Any:
        """The next message's JSON document."""
        text = b""
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size > 125:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
                content = await self.reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError) as end:
                raise Closed(0) from end
            if first & 15 == CLOSE:
                raise Closed(int.from_bytes(content[:2], "big"))
            if first & 15 == PING:
                self.writer.write(struct.pack("!BB", 0x80 | PONG, 0x80 | len(content)) + bytes(4) + content)
                continue
            text += content
            if first & 0x80:
                return json.loads(text)


@asynccontextmanager
async def opened(
    port: int, path: str, cookies: Mapping[str, str] = {}, origin: str | None = None, buffer: int = 2**16
) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=buffer)
    try:
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        lines += [f"Origin: {origin}"] if origin is not None else []
        lines += [f"Cookie: {'; '.join(f'{name}={value}' for name, value in cookies.items())}"] if cookies else []
        writer.write("\r\n".join([*lines, "", ""]).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer.split()[1])
        if status != 101:
            raise Refused(status)
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()

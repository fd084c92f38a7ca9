"""The answer to a websocket at an address that no page has."""

from channels.generic.websocket import AsyncWebsocketConsumer

NOT_FOUND = 4404


class NoSuchSocket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Refuses it as what is not yours is refused; without it the server answers 500 and logs a traceback."""

    channel_layer_alias = None  # refused without asking Redis

    async def connect(self) -> None:
        await self.close(NOT_FOUND)

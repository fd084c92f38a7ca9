"""HTTP requests on threads that are used again, and keep their database connection.

Django gives each request a thread of its own, and with it a new connection, which costs as much as a small request.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

KEPT = 8  # idle threads; more requests at once have their own, which end with them
CONNECTION_SECONDS = 60.0


class ReusingHandler(ASGIHandler):
    """Django's handler, with all sync code of a request in one go on a borrowed thread."""

    def __init__(self) -> None:
        self._idle: list[ThreadPoolExecutor] = []
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        """All of it sync, as the views are: each change between loop and thread costs more than a middleware."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response)(request)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, "request", initializer=keep_connections)
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
        finally:
            # Whoever goes away early leaves a thread at work: it is lent again when it gets here.
            thread.submit(self._returned, thread)

    def _returned(self, thread: ThreadPoolExecutor) -> None:
        """Takes the thread back; runs on the thread itself."""
        if len(self._idle) < KEPT:
            self._idle.append(thread)
        else:
            thread.shutdown(wait=False)
            connections.close_all()


def keep_connections() -> None:
    """Keeps the calling thread's connections open between requests; each is checked before it serves another."""
    for connection in connections.all():
        lasting = {"CONN_MAX_AGE": CONNECTION_SECONDS, "CONN_HEALTH_CHECKS": True}
        connection.settings_dict = connection.settings_dict | lasting

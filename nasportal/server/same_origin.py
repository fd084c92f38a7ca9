"""Lets only pages of the portal itself open its websockets, whose handshake carries cookies wherever it comes from."""

from typing import Any
from urllib.parse import SplitResult, urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

DEFAULT_PORTS = {"http": 80, "https": 443}


class SameOrigin:
    """Refuses a websocket whose Origin is not the host and the port that it was asked of.

    Another port is another program: whoever runs it must not act with the cookies that the browser sends along.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers = dict(scope["headers"])
        origin, host = (headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host"))
        wanted = self.application if is_same(origin, host) else WebsocketDenier()
        return await wanted(scope, receive, send)


def is_same(origin: str, host: str) -> bool:
    """Tell whether a page of `origin` (scheme://host:port) is one of ours, which `host` (host:port) was asked for.

    A proxy may speak TLS for us, so the scheme only says which port is meant where none is named.
    """
    try:
        page, asked = urlsplit(origin), urlsplit(f"//{host}")
        is_one_place = _place(page, page.scheme) == _place(asked, page.scheme)
    except ValueError:
        return False
    name, _ = split_domain_port(host)
    return page.scheme in DEFAULT_PORTS and is_one_place and bool(name) and validate_host(name, settings.ALLOWED_HOSTS)


def _place(parts: SplitResult, scheme: str) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or DEFAULT_PORTS.get(scheme)

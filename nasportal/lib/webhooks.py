"""One signed POST to an address that a user gave: to a public host, looked up once, without redirects.

The receiver checks `X-NASPortal-Signature: sha256=…`: the HMAC of "timestamp.body" under the secret that the settings
page shows.
"""

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import time
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

SECONDS = 5.0
ANSWER_BYTES = 1000


class WebhookRefused(ValueError):
    """An address that is never called, or an answer that trying again will not change."""


def deliver(url: str, body: bytes, *, secret: str, delivery: str) -> str:
    """Posts a message and returns the answer's status in words.

    Raises WebhookRefused where no other try can help, and OSError where one may.
    """
    parts = checked(url)
    address = public_address(parts)
    timestamp = str(int(time.time()))
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "Content-Type": "application/json",
        "User-Agent": "nas-portal",
        "X-NASPortal-Delivery": delivery,
        "X-NASPortal-Timestamp": timestamp,
        "X-NASPortal-Signature": signature(secret, timestamp, body),
    }
    connection = Pinned(parts, address)
    try:
        connection.request("POST", target(parts), body, headers)
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES)
    except http.client.HTTPException as error:
        raise OSError(f"the response is not HTTP ({type(error).__name__})") from error
    finally:
        connection.close()
    if answer.status >= 500 or answer.status == 429:
        raise OSError(f"the receiver answered {answer.status}")
    if answer.status >= 300:  # redirects are not followed: they could lead inside
        raise WebhookRefused(f"The receiver answered {answer.status}.")
    return f"answered {answer.status}"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def checked(url: str) -> SplitResult:
    """Splits an address that may be called, as far as its text shows. Raises WebhookRefused where it may not."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookRefused("The webhook must be an address such as https://example.org/hook.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WebhookRefused("The webhook must begin with https:// or http:// and name a host.")
    if parts.username or parts.password:
        raise WebhookRefused(
            "The webhook must not carry a user name or a password; the signature identifies the sender."
        )
    if not url.isprintable() or " " in url:
        raise WebhookRefused("The webhook must not contain spaces or control characters.")
    if port == 0:
        raise WebhookRefused("The webhook's port must be from 1 to 65535.")
    return parts


def public_address(parts: SplitResult) -> str:
    """Looks up the host's address, which the connection then uses: a second look-up could answer otherwise.

    Raises OSError where the host is not known, and WebhookRefused where it is inside this network.
    """
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"the host {parts.hostname} is not known") from error
    addresses = [str(each[4][0]) for each in found]
    if not settings.WEBHOOKS_INSIDE:
        for address in addresses:
            if not is_public(address):
                raise WebhookRefused(
                    f"The webhook's host {parts.hostname} is inside this network ({address}); "
                    "NASPORTAL_WEBHOOKS_INSIDE=1 allows that."
                )
    return addresses[0]


def is_public(address: str) -> bool:
    """Returns whether an address is not loopback, private, link-local (cloud credentials), multicast or reserved."""
    known = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(known, "ipv4_mapped", None) or getattr(known, "sixtofour", None) or known
    return inner.is_global and known.is_global and not inner.is_multicast and not known.is_multicast


def target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


class Pinned(http.client.HTTPConnection):
    """A connection to the address that was looked at, under the name that was asked for."""

    def __init__(self, parts: SplitResult, address: str) -> None:
        super().__init__(str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80), timeout=SECONDS)
        self.address = address
        self.is_tls = parts.scheme == "https"

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), SECONDS)
        if self.is_tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)

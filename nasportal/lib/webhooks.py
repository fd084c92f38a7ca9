"""One signed POST to an address that a user gave: to a public host, looked up once, without redirects.

The receiver checks `X-NASPortal-Signature: sha256=…`: the HMAC of "timestamp.body" under the secret that the settings
page shows. A delivery runs in a process of its own (`deliver_apart`), since nothing else ends a look-up of a name, or
a receiver that answers a byte at a time, at its deadline. No Django, so that this process starts quickly.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from nasportal.lib.child_process import ChildProcess, DeadlineReached

SECONDS = 10.0  # for the whole delivery: name, connection, TLS, answer
START_SECONDS = 10.0  # for the process of a delivery to come up, on a machine that is busy
ANSWER_BYTES = 2**16
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # who runs it decides where in it the IPv4 address stands
IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


class WebhookRefused(ValueError):
    """An address that is never called, or an answer that trying again will not change."""


@dataclass(frozen=True)
class Message:
    """What is sent, and under which name the receiver can recognise it."""

    body: bytes
    secret: str
    delivery: str

    def headers(self) -> dict[str, str]:
        """Sign the body together with the time in seconds since 1970."""
        timestamp = str(int(time.time()))
        return {
            "Content-Type": "application/json",
            "User-Agent": "nas-portal",
            "X-NASPortal-Delivery": self.delivery,
            "X-NASPortal-Timestamp": timestamp,
            "X-NASPortal-Signature": signature(self.secret, timestamp, self.body),
        }


def deliver_apart(url: str, message: Message, *, inside: bool) -> str:
    """Delivers in a process of its own, which ends at the deadline whatever it is waiting for.

    Returns and raises what `deliver` does; raises OSError, too, where that process ends without a result.
    """
    asked = {"url": url, "inside": inside, "secret": message.secret, "delivery": message.delivery}
    document = json.dumps(asked | {"body": base64.b64encode(message.body).decode()}).encode()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        try:
            with ChildProcess([sys.executable, "-m", "nasportal.lib.webhooks"], log=log, document=document) as child:
                told = next((each for each in child.documents(deadline=SECONDS + START_SECONDS) if each), None)
        except DeadlineReached:
            told = None
        if told is None:
            raise OSError(f"the delivery ended without a result: {log.read_text('utf-8', 'replace')[-200:]!r}")
    return _result(told)


def _result(told: dict[str, Any]) -> str:
    if "refused" in told:
        raise WebhookRefused(told["refused"])
    if "failed" in told:
        raise OSError(told["failed"])
    return str(told["answer"])


def main() -> None:
    """Deliver what standard input describes, and say in one line of JSON what came of it."""
    asked = json.load(sys.stdin)
    fence = threading.Timer(SECONDS, _give_up)  # ends what no time limit of a socket does
    fence.daemon = True
    fence.start()
    message = Message(base64.b64decode(asked["body"]), asked["secret"], asked["delivery"])
    try:
        told = {"answer": deliver(asked["url"], message, inside=asked["inside"])}
    except WebhookRefused as refusal:
        told = {"refused": str(refusal)}
    except OSError as error:
        told = {"failed": str(error)}
    print(json.dumps(told), flush=True)


def _give_up() -> None:
    print(json.dumps({"failed": f"no complete answer within {SECONDS:g} s"}), flush=True)
    os._exit(0)


def deliver(url: str, message: Message, *, inside: bool) -> str:
    """Return the status of the answer in words. OSError where another try may help, else WebhookRefused.

    Only `deliver_apart` keeps the deadline against a receiver that answers a byte at a time.
    """
    until = time.monotonic() + SECONDS
    parts = checked(url, inside=inside)
    connection = Pinned(parts, public_address(parts, inside=inside))
    try:
        connection.request("POST", target(parts), message.body, {"Host": authority(parts)} | message.headers())
        stream = connection.sock
        answer = connection.getresponse()
        _take(answer, stream, until)
    except http.client.HTTPException as error:
        raise OSError(f"the response is not HTTP ({type(error).__name__})") from error
    finally:
        connection.close()
    if answer.status >= 500 or answer.status == 429:
        raise OSError(f"the receiver answered {answer.status}")
    if answer.status >= 300:  # redirects are not followed: they could lead inside
        raise WebhookRefused(f"The receiver answered {answer.status}.")
    return f"answered {answer.status}"


def _take(answer: http.client.HTTPResponse, stream: socket.socket, until: float) -> None:
    """Read the start of the answer's body: with its status known, it may be late or broken."""
    room = ANSWER_BYTES
    with suppress(OSError, http.client.HTTPException):
        while room > 0 and (left := until - time.monotonic() - 1.0) > 0:
            stream.settimeout(left)
            received = len(answer.read1(room))
            room = room - received if received else 0


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def checked(url: str, *, inside: bool) -> SplitResult:
    """Return the parts of an address that may be called, as far as its text tells; WebhookRefused otherwise.

    With `inside`, hosts of the portal's own network are allowed, plain names such as `buildbox` among them.
    """
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
    host = host_of(parts)
    if not inside and not _is_address(host) and "." not in host.rstrip("."):
        raise WebhookRefused(_inside(parts))
    return parts


def host_of(parts: SplitResult) -> str:
    """Return the host as it is looked up: an address, or a name in ASCII; WebhookRefused where it is neither."""
    host = str(parts.hostname)
    if _is_address(host):
        return host
    try:
        name = host.encode("idna").decode()
    except UnicodeError:
        name = ""
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in name.removesuffix(".").split(".")):
        raise WebhookRefused(f"The webhook's host {host!r} is not a host name.")
    return name


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def _inside(parts: SplitResult) -> str:
    """Word the refusal without the address that a name has: this is no look-up service for the inner network."""
    return f"The webhook's host {parts.hostname} is inside this network; NASPORTAL_WEBHOOKS_INSIDE=1 allows that."


def public_address(parts: SplitResult, *, inside: bool) -> str:
    """Look up the host's address, which the connection then uses: a second look-up could answer otherwise.

    WebhookRefused where one of its addresses is not public, unless `inside`; OSError where the name is not known.
    """
    try:
        found = socket.getaddrinfo(host_of(parts), _port(parts), type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"the host {parts.hostname} is not known") from error
    addresses = [str(each[4][0]) for each in found]
    if not inside and not all(is_public(address) for address in addresses):
        raise WebhookRefused(_inside(parts))
    return addresses[0]


def is_public(address: str) -> bool:
    """Returns whether an address is not loopback, private, link-local (cloud credentials), multicast or reserved."""
    known = ipaddress.ip_address(address.partition("%")[0])
    if known in LOCAL_NAT64:
        return False
    return all(each.is_global and not each.is_multicast for each in _unfolded(known))


def _unfolded(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Yield the address, and the IPv4 address that a translator or a tunnel would make of it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
        if address.sixtofour is not None:
            yield address.sixtofour
        if address.teredo is not None:
            yield from address.teredo
        if address in NAT64 or address in IPV4_COMPATIBLE:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address not in NAT64:  # whose addresses are as public as what they stand for
        yield address


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def authority(parts: SplitResult) -> str:
    """Write host and port as the Host header has them."""
    host = host_of(parts)
    shown = f"[{host}]" if ":" in host else host
    return shown if parts.port is None else f"{shown}:{parts.port}"


def target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    return f"{path}?{quote(parts.query, safe='/%:@!$&()*+,;=~?')}" if parts.query else path


class Pinned(http.client.HTTPConnection):
    """A connection to the address that was looked at, under the name that was asked for."""

    def __init__(self, parts: SplitResult, address: str) -> None:
        super().__init__(host_of(parts), _port(parts), timeout=SECONDS)
        self.address = address
        self.is_tls = parts.scheme == "https"

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), SECONDS)
        if self.is_tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


if __name__ == "__main__":
    main()

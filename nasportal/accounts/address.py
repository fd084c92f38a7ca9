"""Finds the address that a request comes from."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

IN_BRACKETS = re.compile(r"\[([^]]*)\](?::\d+)?")
WITH_PORT = re.compile(r"([^:]*):\d+")  # a bare IPv6 address has more than one colon


def client_address(request: HttpRequest | None) -> str | None:
    """Read the client's address, without a port; None where nobody says it.

    Behind a trusted proxy this is the last address that the proxy itself wrote, or the proxy's own where it wrote none.
    """
    if request is None:
        return None
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.TLS == "proxy" else ""
    return address_in(forwarded.rsplit(",", 1)[-1]) or address_in(request.META.get("REMOTE_ADDR", ""))


def address_in(text: str) -> str | None:
    """Read an address as proxies write it: `192.0.2.7`, `192.0.2.7:80`, `2001:db8::7`, `"[2001:db8::7]:80"`.

    None for anything else, such as `unknown`. An IPv4 address that is written as IPv6 is the same client.
    """
    text = text.strip().strip('"')
    bare = IN_BRACKETS.fullmatch(text) or WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((bare[1] if bare else text).partition("%")[0])  # databases know no zones
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)

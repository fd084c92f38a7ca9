"""Sockets are for pages of the same host and port; two portals on one host do not share cookies."""

import json
import subprocess
import sys
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from nasportal.server.same_origin import is_same
from tests.support.portal import ROOT, free_port, running_portal

SAME = [
    ("http://localhost:8000", "localhost:8000"),
    ("http://LOCALHOST:8000", "localhost:8000"),
    ("http://localhost", "localhost:80"),
    ("http://localhost:80", "localhost"),
    ("https://localhost", "localhost"),  # behind a proxy that speaks TLS
    ("https://localhost", "localhost:443"),
    ("http://[::1]:8000", "[::1]:8000"),
]
FOREIGN = [
    ("", "localhost:8000"),
    ("null", "localhost:8000"),
    ("http://localhost:9999", "localhost:8000"),
    ("http://localhost", "localhost:8000"),
    ("https://localhost", "localhost:80"),
    ("http://127.0.0.1:8000", "localhost:8000"),
    ("http://evil.example:8000", "evil.example:8000"),  # a name of somebody else's that leads here
    ("file://localhost", "localhost"),
    ("http://localhost:x", "localhost:8000"),
    ("http://localhost:8000", ""),
    ("http://[::1", "[::1"),
]


@pytest.mark.parametrize(("origin", "host"), SAME)
def test_a_page_of_the_same_host_and_port_is_ours(origin: str, host: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    assert is_same(origin, host)


@pytest.mark.parametrize(("origin", "host"), FOREIGN)
def test_a_page_of_another_place_is_foreign(origin: str, host: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    assert not is_same(origin, host)


NAMES = "import json, nasportal.settings as s; print(json.dumps([s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME]))"


@pytest.mark.parametrize(
    ("variables", "suffix"),
    [
        ({}, ""),
        ({"PORT": "8000"}, ""),  # so that people stay signed in over an upgrade
        ({"PORT": "8001"}, "_8001"),
        ({"PORT": "8001", "NASPORTAL_ADDRESS": "http://nas.example.org:9000/"}, "_9000"),
        ({"PORT": "8001", "NASPORTAL_TLS": "proxy", "NASPORTAL_HOSTS": "nas.example.org"}, ""),
    ],
    ids=str,
)
def test_cookies_are_called_after_the_port_of_the_portals_address(
    variables: dict[str, str], suffix: str, tmp_path: Path
) -> None:
    environment = {"PATH": "", "NASPORTAL_DATA": str(tmp_path)} | variables
    told = subprocess.run([sys.executable, "-c", NAMES], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert json.loads(told.stdout) == [f"nasportal_session{suffix}", f"nasportal_csrf{suffix}"]


@pytest.mark.slow
def test_one_browser_stays_signed_in_to_two_portals_on_one_host(tmp_path: Path) -> None:
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with running_portal(tmp_path / "first") as first, running_portal(tmp_path / "second") as second:
        second.stop()
        second.port = free_port()
        second.start("--port", str(second.port))
        browser.open(first.link).read()
        browser.open(second.link).read()
        for portal in (first, second):
            assert "/login/" not in browser.open(f"{portal.address}/account/tokens/").url

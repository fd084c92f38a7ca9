"""Notices of a run's end: written with it, sent afterwards, tried again; webhooks are signed and do not lead inside."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from nasportal.lib.webhooks import WebhookRefused, checked, deliver, is_public, public_address, signature
from searches import services
from searches.models import Notice
from searches.services import notifications
from tests.support.world import World, spec, work


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it gets, and answers as it is told."""

    got: list[tuple[dict[str, str], bytes]] = []
    answers = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), body))
        self.send_response(self.answers)
        if self.answers == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.got, Receiver.answers = [], 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook?a=1"
    server.shutdown()
    server.server_close()


@pytest.fixture
def inside(settings: Any) -> None:
    settings.WEBHOOKS_INSIDE = True


def ended(world: World, **wishes: Any) -> Any:
    """A run of Alice's that ended after she had said how she wants to be told."""
    made = notifications.wishes_save(user=world.alice, **({"email": "", "by_email": False, "webhook_url": ""} | wishes))
    run = services.run_create(project=world.project, spec=spec(seed=8), name="told", by=world.alice)
    work(run)
    return made


def test_a_webhook_gets_a_signed_message(world: World, receiver: str, inside: None) -> None:
    wishes = ended(world, webhook_url=receiver)
    assert notifications.notices_send() == 1
    headers, body = Receiver.got[0]
    told = json.loads(body)
    assert (told["event"], told["name"], told["status"], told["evaluations"]) == ("run.ended", "told", "finished", 12)
    assert headers["X-NASPortal-Signature"] == signature(wishes.webhook_secret, headers["X-NASPortal-Timestamp"], body)
    kept = Notice.objects.get()
    assert (kept.state, kept.answer) == ("sent", "answered 200")
    assert notifications.notices_send() == 0


def test_an_email_is_sent(world: World) -> None:
    ended(world, email="alice@example.org", by_email=True)
    assert notifications.notices_send() == 1
    message = mail.outbox[0]
    assert (message.subject, message.to) == ("NAS Portal: told finished", ["alice@example.org"])
    assert "/runs/" in message.body


def test_what_did_not_get_through_is_tried_again_and_given_up_at_last(
    world: World, receiver: str, inside: None
) -> None:
    Receiver.answers = 503
    ended(world, webhook_url=receiver)
    for tries in range(1, len(notifications.PAUSES) + 2):
        assert notifications.notices_send() == 1
        kept = Notice.objects.get()
        assert (kept.attempts, kept.answer) == (tries, "OSError: the receiver answered 503")
        Notice.objects.update(due=timezone.now() - timedelta(seconds=1))
    assert kept.state == "failed"
    assert notifications.notices_send() == 0


def test_a_redirect_is_not_followed(receiver: str, inside: None) -> None:
    Receiver.answers = 302
    with pytest.raises(WebhookRefused, match="answered 302"):
        deliver(receiver, b"{}", secret="s", delivery="1")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8000/", "http://[::1]/", "http://0.0.0.0/", "http://10.0.0.1/",
        "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/", "http://[fc00::1]/", "http://2130706433/", "http://0177.0.0.1/", "http://127.1/",
        "http://[2002:7f00:1::]/", "http://224.0.0.1/", "http://100.64.0.1/",
    ],
)  # fmt: skip
def test_no_webhook_leads_inside(url: str) -> None:
    with pytest.raises((WebhookRefused, OSError)) as refused:
        public_address(checked(url))
    assert isinstance(refused.value, OSError) or "is inside this network" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://x/", "ftp://x/", "//x/", "http://", "http://user:pass@x.org/", "http://x:99999/",
        "http://x:0/", "http://x.org/a b", "http://x.org/\r\nHost: y", "javascript:alert(1)", "http://[::1/",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(WebhookRefused, match=r"^The webhook"):
        checked(url)


def test_public_addresses_are_public() -> None:
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


def test_nobody_is_told_who_did_not_ask(world: World) -> None:
    assert not Notice.objects.exists()

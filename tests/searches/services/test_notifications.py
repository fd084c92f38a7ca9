"""Notices of a run's end: written with it, sent afterwards, tried again; webhooks are signed and do not lead inside."""

import html
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from nasportal.lib import webhooks
from nasportal.lib.webhooks import Message, WebhookRefused, checked, deliver, is_public, public_address, signature
from nasportal.server.courier import Courier
from searches import services, tasks
from searches.models import Notice, NoticeWishes
from searches.services import notifications
from searches.supervision import reaper
from tests.support.world import World, spec, work

MESSAGE = Message(b"{}", secret="s", delivery="1")


def send_due() -> int:
    """What the courier does, one after another; the number of notices that were tried."""
    errands = notifications.notices_claim(room=100)
    for errand in errands:
        notifications.notice_send(errand)
    return len(errands)


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
    assert send_due() == 1
    headers, body = Receiver.got[0]
    told = json.loads(body)
    assert (told["event"], told["name"], told["status"], told["evaluations"]) == ("run.ended", "told", "finished", 12)
    assert headers["X-NASPortal-Signature"] == signature(wishes.webhook_secret, headers["X-NASPortal-Timestamp"], body)
    kept = Notice.objects.get()
    assert (kept.status, kept.answer) == ("sent", "answered 200")
    assert send_due() == 0


def test_an_email_is_sent(world: World) -> None:
    ended(world, email="alice@example.org", by_email=True)
    assert send_due() == 1
    message = mail.outbox[0]
    assert (message.subject, message.to) == ("NAS Portal: told finished", ["alice@example.org"])
    assert "/runs/" in message.body


def test_what_did_not_get_through_is_tried_again_and_given_up_at_last(
    world: World, receiver: str, inside: None
) -> None:
    Receiver.answers = 503
    ended(world, webhook_url=receiver)
    for tries in range(1, len(notifications.PAUSES) + 2):
        assert send_due() == 1
        kept = Notice.objects.get()
        assert (kept.attempts, kept.answer) == (tries, "OSError: the receiver answered 503")
        Notice.objects.update(due=timezone.now() - timedelta(seconds=1))
    assert kept.status == "failed"
    assert send_due() == 0


def test_a_redirect_is_not_followed(receiver: str, inside: None) -> None:
    Receiver.answers = 302
    with pytest.raises(WebhookRefused, match="answered 302"):
        deliver(receiver, MESSAGE, inside=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8000/", "http://[::1]/", "http://0.0.0.0/", "http://10.0.0.1/",
        "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/", "http://[fc00::1]/", "http://2130706433/", "http://0177.0.0.1/", "http://127.1/",
        "http://[2002:7f00:1::]/", "http://224.0.0.1/", "http://100.64.0.1/", "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b:1::808:808]/",
        "http://[::127.0.0.1]/", "http://[::10.0.0.1]/", "http://[2001:0:7f00:1::]/",
    ],
)  # fmt: skip
def test_no_webhook_leads_inside(url: str) -> None:
    with pytest.raises((WebhookRefused, OSError)) as refused:
        public_address(checked(url, inside=False), inside=False)
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
        checked(url, inside=True)


def test_public_addresses_are_public() -> None:
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")
    assert is_public("64:ff9b::8.8.8.8")  # by which a network without IPv4 reaches it


def test_a_refusal_does_not_tell_which_inner_address_a_name_has(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("10.11.12.13", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(WebhookRefused) as refused:
        public_address(checked("https://git.example.org/hook", inside=False), inside=False)
    assert str(refused.value) == (
        "The webhook's host git.example.org is inside this network; NASPORTAL_WEBHOOKS_INSIDE=1 allows that."
    )


HOSTS = ["http://buildbox:8080/hook", "http://hook/", "http://my_host.example.org/", "http://bücher.example/ä?ö=ü"]


@pytest.mark.parametrize("url", HOSTS)
def test_plain_names_of_hosts_are_saved_where_the_inside_is_allowed(world: World, inside: None, url: str) -> None:
    client = Client()
    client.force_login(world.alice)
    assert client.post("/notices/", {"email": "", "webhook_url": f" {url} "}).status_code == 302
    assert NoticeWishes.objects.get().webhook_url == url
    answer = client.put("/api/v1/notices/", {"webhook_url": url}, content_type="application/json")
    assert (answer.status_code, answer.json()["webhook_url"]) == (200, url)


REFUSED = [
    ("http://buildbox:8080/hook", "The webhook's host buildbox is inside this network; NASPORTAL_WEBHOOKS_INSIDE=1"),
    ("http://a..b/", "The webhook's host 'a..b' is not a host name."),
    ("http://-a.org/", "The webhook's host '-a.org' is not a host name."),
    ("http://" + "a" * 64 + ".org/", "is not a host name."),
    ("hook", "must begin with https:// or http://"),
]


@pytest.mark.parametrize(("url", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_would_not_be_called_is_refused_at_its_field(world: World, url: str, words: str) -> None:
    client = Client()
    client.force_login(world.alice)
    answer = client.post("/notices/", {"email": "", "webhook_url": url})
    assert answer.status_code == 422
    assert words in html.unescape(answer.content.decode())
    answer = client.put("/api/v1/notices/", {"webhook_url": url}, content_type="application/json")
    assert answer.status_code == 400
    assert words in answer.json()["webhook_url"][0]
    assert not NoticeWishes.objects.exists()


@contextmanager
def dripping() -> Iterator[str]:
    """A receiver that answers at once, and then a byte in each tenth of a second, without end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    Thread(target=drip, args=(connection,), daemon=True).start()

        def drip(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
                while True:
                    connection.sendall(b"a")
                    time.sleep(0.1)

        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_delivery_ends_at_its_deadline_whatever_the_receiver_does() -> None:
    began = time.monotonic()
    with dripping() as url, pytest.raises(OSError, match="no complete answer within 10 s"):
        webhooks.deliver_apart(url, MESSAGE, inside=True)
    assert time.monotonic() - began < webhooks.SECONDS + webhooks.START_SECONDS


def test_a_delivery_that_is_under_way_is_not_taken_up_by_another_process(world: World, inside: None) -> None:
    ended(world, webhook_url="http://127.0.0.1:1/")
    notifications.notices_claim(room=8)
    Notice.objects.update(due=timezone.now() - timedelta(minutes=1))
    assert notifications.notices_claim(room=8) == []
    assert notifications.LEASE_SECONDS > webhooks.SECONDS + webhooks.START_SECONDS
    Notice.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # whoever had it is dead
    assert len(notifications.notices_claim(room=8)) == 1


def test_what_a_late_sender_says_is_not_written(world: World, receiver: str, inside: None) -> None:
    ended(world, webhook_url=receiver)
    (late,) = notifications.notices_claim(room=8)
    Notice.objects.update(lease_until=timezone.now(), due=timezone.now())
    assert send_due() == 1
    Receiver.answers = 404
    notifications.notice_send(late)
    assert Notice.objects.get().status == "sent"


def test_one_person_with_many_notices_leaves_room_for_the_others(world: World, inside: None) -> None:
    ended(world, webhook_url="http://127.0.0.1:1/")
    for _ in range(9):
        notifications.notices_add(run=world.finished, user=world.alice, status="finished")
    notifications.wishes_save(user=world.bob, email="bob@example.org", by_email=True, webhook_url="")
    notifications.notices_add(run=world.finished, user=world.bob, status="finished")
    claimed = notifications.notices_claim(room=8)
    assert [errand.notice.user for errand in claimed] == [world.alice, world.bob]
    assert notifications.notices_claim(room=8) == []


def test_after_ten_failures_in_a_row_the_webhook_is_switched_off_and_its_owner_told(
    world: World, receiver: str, inside: None
) -> None:
    Receiver.answers = 404
    ended(world, webhook_url=receiver)
    client = Client()
    client.force_login(world.alice)
    for failures in range(notifications.FAILURES_AT_MOST):
        assert "This webhook has been off since" not in client.get("/notices/").content.decode(), failures
        if failures:
            notifications.notices_add(run=world.finished, user=world.alice, status="finished")
        assert send_due() == 1
    assert "This webhook has been off since" in client.get("/notices/").content.decode()
    assert client.get("/api/v1/notices/").json()["webhook_off_since"]
    notifications.notices_add(run=world.finished, user=world.alice, status="finished")
    assert send_due() == 0
    client.put("/api/v1/notices/", {"by_email": False}, content_type="application/json")  # leaves it off
    assert notifications.ways_of(world.alice) == []
    client.post("/notices/", {"email": "", "webhook_url": receiver})
    assert notifications.ways_of(world.alice) == ["webhook"]


def test_a_delivery_that_gets_through_forgets_the_failures(world: World, receiver: str, inside: None) -> None:
    Receiver.answers = 404
    ended(world, webhook_url=receiver)
    send_due()
    assert NoticeWishes.objects.get().webhook_failures == 1
    Receiver.answers = 200
    notifications.notices_add(run=world.finished, user=world.alice, status="finished")
    send_due()
    assert NoticeWishes.objects.get().webhook_failures == 0


def test_no_worker_of_the_task_cluster_delivers(world: World, receiver: str, inside: None) -> None:
    ended(world, webhook_url=receiver)
    assert "notify" not in " ".join(task.func() for task in OrmQ.objects.all())
    tasks.notify()
    reaper.reap()
    assert Receiver.got == []


@pytest.mark.django_db(transaction=True)
def test_the_courier_sends_what_is_due(world: World, receiver: str, inside: None) -> None:
    ended(world, webhook_url=receiver)
    courier = Courier()
    assert courier.round() == 1
    wait(courier.under_way, timeout=60)
    assert Notice.objects.get().status == "sent"
    assert courier.round() == 0


def test_nobody_is_told_who_did_not_ask(world: World) -> None:
    assert not Notice.objects.exists()

"""Signing in: password, one-time link, limit on wrong passwords, tokens for programs."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest import TestCase
from unittest.mock import patch

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connections
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils.timezone import now
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from nasportal.accounts import services
from nasportal.accounts.address import client_address
from nasportal.accounts.authentication import BearerToken
from nasportal.accounts.models import ApiToken, AuditEntry, LoginAttempt, LoginLink
from nasportal.accounts.services import Verdict

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-enough-secret"


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", password=PASSWORD)


def sign_in(client: Client, password: str, name: str = "alice", **extra: str) -> int:
    return client.post("/login/", {"username": name, "password": password}, **extra).status_code  # type: ignore[arg-type]


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_password_signs_in_and_signing_out_takes_a_post(client: Client, alice: User) -> None:
    assert sign_in(client, PASSWORD) == 302
    assert is_signed_in(client)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 302
    assert not is_signed_in(client)


def test_no_page_but_login_and_health_is_open(client: Client) -> None:
    for path in ("/", "/account/password/", "/account/tokens/", "/no/such/page/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers.get("Location", "")[:7]) in ((302, "/login/"), (404, "")), path
    assert client.get("/login/").status_code == 200
    assert client.get("/healthz").status_code == 200


def test_the_page_after_signing_in_is_on_this_host(client: Client, alice: User) -> None:
    answer = client.post("/login/?next=//evil.example/", {"username": "alice", "password": PASSWORD})
    assert answer.headers["Location"] == "/"


def test_too_many_wrong_passwords_lock_the_name_out_for_this_address_only(client: Client, alice: User) -> None:
    for _ in range(services.ATTEMPTS_PER_PAIR):
        assert sign_in(client, "wrong") == 200
    answer = client.post("/login/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 429
    assert (
        "Too many wrong passwords in the last 10 minutes. Wait, or ask for a one-time link." in answer.content.decode()
    )
    assert not is_signed_in(client)
    assert sign_in(client, PASSWORD, REMOTE_ADDR="10.0.0.9") == 302


def test_old_attempts_no_longer_count(client: Client, alice: User) -> None:
    for _ in range(services.ATTEMPTS_PER_PAIR):
        sign_in(client, "wrong")
    LoginAttempt.objects.update(at=now() - services.ATTEMPT_WINDOW - timedelta(seconds=1))
    assert sign_in(client, PASSWORD) == 302
    assert not LoginAttempt.objects.exists()


def test_an_empty_password_does_not_reset_the_limit(client: Client, alice: User) -> None:
    for number in range(services.ATTEMPTS_PER_PAIR):
        sign_in(client, "wrong")
        if number < services.ATTEMPTS_PER_PAIR - 1:
            assert sign_in(client, "") == 200
    assert sign_in(client, PASSWORD) == 429


@pytest.mark.django_db(transaction=True)
def test_of_forty_wrong_passwords_at_once_at_most_ten_are_tried(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def authenticate(self: object, request: object, **words: str) -> None:
        tried.append(words["password"])
        time.sleep(1.0)  # as a slow hash does: all forty have come by then

    def guess(number: int) -> None:
        try:
            sign_in(Client(), f"guess-{number}")
        finally:
            connections.close_all()

    monkeypatch.setattr(ModelBackend, "authenticate", authenticate)
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(guess, range(40)))
    assert len(tried) <= services.ATTEMPTS_PER_PAIR


def wrong_ones(**same: str) -> None:
    """Tries as many wrong passwords as slow down, each of another pair."""
    for number in range(services.SLOW_AFTER):
        pair = {"name": f"name-{number}", "address": f"10.1.0.{number}"} | same
        assert services.login_attempt_add(**pair) is Verdict.ADMITTED


@pytest.mark.parametrize("same", [{"address": "127.0.0.1"}, {"name": "alice"}], ids=["address", "account"])
def test_many_wrong_passwords_of_others_only_slow_down(client: Client, alice: User, same: dict[str, str]) -> None:
    wrong_ones(**same)
    words = {"username": "alice", "password": PASSWORD}
    answer = client.post("/login/", words)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert "Wait 3 seconds, then sign in again." in answer.content.decode()
    ticket = answer.context["form"].ticket
    assert f'name="ticket" value="{ticket}"' in answer.content.decode()
    assert client.post("/login/", words | {"ticket": ticket}).status_code == 429  # at once
    later = time.time() + services.WAIT_SECONDS
    with patch("time.time", lambda: later):
        assert client.post("/login/", words | {"ticket": ticket}).status_code == 302


def test_who_has_waited_once_does_not_wait_for_other_accounts(client: Client, alice: User) -> None:
    ticket = services.wait_ticket(name="alice", address="127.0.0.1")
    later = time.time() + services.WAIT_SECONDS
    with patch("time.time", lambda: later):
        assert services.has_waited(ticket=ticket, name="alice", address="127.0.0.1")
        assert not services.has_waited(ticket=ticket, name="bob", address="127.0.0.1")
        assert not services.has_waited(ticket=ticket, name="alice", address="10.0.0.1")
        assert not services.has_waited(ticket=ticket + "x", name="alice", address="127.0.0.1")
    with patch("time.time", lambda: later + services.ATTEMPT_WINDOW.total_seconds()):
        assert not services.has_waited(ticket=ticket, name="alice", address="127.0.0.1")


def test_a_one_time_link_signs_in_once(client: Client, alice: User) -> None:
    secret = services.login_link_create(user=alice)
    answer = client.get(f"/login/once/{secret}/")
    assert answer.headers["Location"] == "/"
    assert is_signed_in(client)
    second = Client()
    answer = second.get(f"/login/once/{secret}/")
    assert answer.status_code == 410
    assert "used already or has expired" in answer.content.decode()
    assert not is_signed_in(second)


def test_a_link_is_stored_as_a_hash_expires_and_replaces_the_older_one(alice: User) -> None:
    older = services.login_link_create(user=alice)
    secret = services.login_link_create(user=alice)
    assert services.login_link_use(secret=older) is None
    assert not LoginLink.objects.filter(digest__contains=secret).exists()
    LoginLink.objects.update(expires=now() - timedelta(seconds=1))
    assert services.login_link_use(secret=secret) is None


def test_a_link_for_a_locked_account_does_nothing(alice: User) -> None:
    secret = services.login_link_create(user=alice)
    User.objects.update(is_active=False)
    assert services.login_link_use(secret=secret) is None


def test_the_first_account_is_made_once_and_gets_the_password_only_while_it_has_none() -> None:
    first = services.first_account_create()
    assert (first.username, first.is_superuser, first.has_usable_password()) == ("admin", True, False)
    assert services.first_account_create(password="one-secret-word").check_password("one-secret-word")
    assert services.first_account_create(password="another-word").check_password("one-secret-word")
    assert User.objects.count() == 1


def test_an_account_without_a_password_chooses_one_and_stays_signed_in(client: Client) -> None:
    user = services.first_account_create()
    client.get(f"/login/once/{services.login_link_create(user=user)}/")
    page = client.get("/account/password/").content.decode()
    assert "old_password" not in page
    answer = client.post("/account/password/", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert answer.status_code == 302
    assert "old_password" in client.get("/account/password/").content.decode()
    assert sign_in(Client(), PASSWORD, "admin") == 302


def test_a_short_password_is_refused(client: Client, alice: User) -> None:
    client.force_login(alice)
    words = {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"}
    assert "at least 10 characters" in client.post("/account/password/", words).content.decode()


def authenticated(text: str) -> tuple[User, ApiToken] | None:
    request = RequestFactory().get("/api/v1/", headers={"Authorization": f"Bearer {text}"})
    return BearerToken().authenticate(Request(request))


def test_a_token_is_shown_once_stored_as_a_hash_and_can_be_revoked(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.post("/account/tokens/", {"name": "nightly", "days": 7}).content.decode()
    text = page.split('id="new-token">')[1].split("<")[0]
    assert text.startswith("nasp_")
    assert text not in client.get("/account/tokens/").content.decode()
    token = ApiToken.objects.get()
    assert text not in (token.digest, token.name)
    assert authenticated(text) == (alice, token)
    assert ApiToken.objects.get().used is not None

    client.post(f"/account/tokens/{token.pk}/revoke/")
    with pytest.raises(AuthenticationFailed, match=r"expired\. Create a new one on the page API tokens"):
        authenticated(text)


def test_nobody_revokes_the_token_of_another(client: Client, alice: User) -> None:
    text = services.token_create(user=alice, name="nightly")
    client.force_login(User.objects.create_user("charlie"))
    assert client.post(f"/account/tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 302
    assert authenticated(text) is not None
    assert "nightly" not in client.get("/account/tokens/").content.decode()


def test_an_expired_token_and_one_of_a_locked_account_are_refused(alice: User) -> None:
    text = services.token_create(user=alice, name="nightly", expires=now() - timedelta(seconds=1))
    with pytest.raises(AuthenticationFailed):
        authenticated(text)
    text = services.token_create(user=alice, name="nightly")
    User.objects.update(is_active=False)
    with pytest.raises(AuthenticationFailed):
        authenticated(text)


def test_a_request_without_a_token_is_left_to_the_session() -> None:
    assert BearerToken().authenticate(Request(RequestFactory().get("/"))) is None


def test_a_token_without_a_name_is_refused(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.post("/account/tokens/", {"name": "", "days": 7}).status_code == 422
    assert client.post("/account/tokens/", {"name": "a", "days": -1}).status_code == 422
    with pytest.raises(ValidationError):
        services.token_create(user=alice, name="x" * 101)


def request_from(**extra: str) -> HttpRequest:
    return RequestFactory().get("/", **extra)  # type: ignore[arg-type]


def test_only_a_trusted_proxy_tells_the_address(settings: object) -> None:
    request = request_from(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="6.6.6.6, 192.0.2.7")
    assert client_address(request) == "10.0.0.1"
    settings.TLS = "proxy"  # type: ignore[attr-defined]
    assert client_address(request) == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:51234", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7:51234", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:DB8:0::7]:443", "2001:db8::7"),
        ('"[2001:db8::7]:443"', "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "10.0.0.1"),
        ("_hidden", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("6.6.6.6,", "10.0.0.1"),
        ("x" * 300, "10.0.0.1"),
        ("1.2.3.4:5:6", "10.0.0.1"),
        ("[::1", "10.0.0.1"),
    ],
)
def test_the_forwarded_address_is_read_as_proxies_write_it(
    client: Client, alice: User, settings: object, forwarded: str, address: str
) -> None:
    settings.TLS = "proxy"  # type: ignore[attr-defined]
    sent = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(request_from(**sent)) == address
    assert sign_in(client, "wrong", **sent) == 200
    assert LoginAttempt.objects.get().address == address
    assert AuditEntry.objects.get().address == address


def test_a_request_over_a_local_socket_has_no_address() -> None:
    assert client_address(request_from(REMOTE_ADDR="")) is None


def test_the_log_says_who_changed_what_and_keeps_secrets_out(client: Client, alice: User) -> None:
    secret = services.login_link_create(user=alice)
    with TestCase().assertLogs("nasportal.audit", "INFO") as log:
        client.get(f"/login/once/{secret}/")
        client.post("/account/tokens/", {"name": "nightly"})
        client.get("/account/tokens/")
    assert [record.getMessage() for record in log.records] == [
        "user='alice' GET '/login/once/<str:token>/' {} status=302 from=127.0.0.1",
        "user='alice' POST '/account/tokens/' {} status=200 from=127.0.0.1",
    ]

"""The verbs of signing in."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from nasportal.accounts.models import ApiToken, AuditEntry, LoginAttempt, LoginLink

LINK_LIFE = timedelta(days=1)
TOKEN_PREFIX = "nasp_"
ATTEMPT_WINDOW = timedelta(minutes=10)
ATTEMPTS_PER_PAIR = 10  # on one account from one address; more are locked out
SLOW_AFTER = 50  # on one account from anywhere, or from one address on any account; more are slowed down
WAIT_SECONDS = 3
WAIT_SALT = "nasportal.accounts.wait"


class Verdict(Enum):
    """What becomes of an attempt to sign in. Nobody can lock another address out: only their own."""

    ADMITTED = "its password is looked at"
    SLOWED = "it has to wait some seconds"
    LOCKED = "it has to wait for the end of the window"


def digest(secret: str) -> str:
    """Returns what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def first_account_create(*, name: str = "admin", password: str = "") -> User:
    """The first account, where there is none yet; a password is only set where the account has none."""
    user = User.objects.filter(is_superuser=True).order_by("pk").first()
    if user is None:
        user = User(username=name, is_staff=True, is_superuser=True)
        user.set_unusable_password()
        user.full_clean(exclude=["password"])
        user.save()
    if password and not user.has_usable_password():
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


@transaction.atomic
def login_link_create(*, user: User) -> str:
    """The secret of a new one-time link; the user's older ones that are still open no longer work."""
    LoginLink.objects.filter(user=user, used=None).delete()
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.create(user=user, digest=digest(secret), expires=now() + LINK_LIFE)
    return secret


@transaction.atomic
def login_link_use(*, secret: str) -> User | None:
    """The user whom this link signs in; None for a link that was used, has expired or never was."""
    link = LoginLink.objects.select_related("user").filter(digest=digest(secret)).first()
    if link is None or not link.user.is_active:
        return None
    won = LoginLink.objects.filter(pk=link.pk, used=None, expires__gt=now()).update(used=now())
    return link.user if won else None


@transaction.atomic
def token_create(*, user: User, name: str, expires: datetime | None = None) -> str:
    """The text of a new token; it cannot be shown again."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(user=user, name=name, digest=digest(text), expires=expires)
    token.full_clean()
    token.save()
    return text


def token_revoke(*, user: User, pk: int) -> bool:
    """Returns whether one of the user's own tokens was taken out of use."""
    return bool(ApiToken.objects.filter(user=user, pk=pk, revoked=None).update(revoked=now()))


def token_use(*, text: str) -> ApiToken | None:
    """The token, with its user, for a text that is still good."""
    good = Q(expires=None) | Q(expires__gt=now())
    token = ApiToken.objects.select_related("user").filter(good, digest=digest(text), revoked=None).first()
    if token is None or not token.user.is_active:
        return None
    # Once a minute is enough for the page of tokens, and spares a write for each request.
    if token.used is None or now() - token.used > timedelta(minutes=1):
        ApiToken.objects.filter(pk=token.pk).update(used=now())
    return token


def login_attempt_add(*, name: str, address: str | None, has_waited: bool = False) -> Verdict:
    """Count an attempt before its password is looked at, and judge it by all that are counted.

    Must not run within a transaction: of attempts that come at once each has to see the others, or all get through.
    """
    name = name[:150]
    LoginAttempt.objects.filter(at__lt=now() - ATTEMPT_WINDOW).delete()
    mine = LoginAttempt.objects.create(name=name, address=address)
    recent = LoginAttempt.objects.filter(at__gt=now() - ATTEMPT_WINDOW)
    on_account, from_address = recent.filter(name=name), recent.filter(address=address)
    if on_account.filter(address=address).count() > ATTEMPTS_PER_PAIR:
        verdict = Verdict.LOCKED
    elif not has_waited and max(on_account.count(), from_address.count()) > SLOW_AFTER:
        verdict = Verdict.SLOWED
    else:
        return Verdict.ADMITTED
    mine.delete()  # a refused attempt must not make the lock longer
    return verdict


def login_attempts_forget(*, name: str, address: str | None) -> None:
    """Let somebody who has signed in start anew."""
    LoginAttempt.objects.filter(name=name[:150], address=address).delete()


def wait_ticket(*, name: str, address: str | None) -> str:
    """Sign that somebody was told to wait, for this account and address: the lock of the pair bounds its use."""
    promised = {"name": name, "address": address, "from": time.time() + WAIT_SECONDS}
    return signing.dumps(promised, salt=WAIT_SALT)


def has_waited(*, ticket: str, name: str, address: str | None) -> bool:
    """Tell whether a ticket is for this account and address, and its time is up and not long ago."""
    try:
        promised = signing.loads(ticket, salt=WAIT_SALT, max_age=ATTEMPT_WINDOW)
    except signing.BadSignature:
        return False
    return (promised["name"], promised["address"]) == (name, address) and promised["from"] <= time.time()


@transaction.atomic
def account_create(*, name: str) -> User:
    """The account with this name; a new one has no password yet, and is signed in to by a link."""
    user = User.objects.filter(username=name).first()
    if user is None:
        user = User(username=name)
        user.set_unusable_password()
        user.full_clean(exclude=["password"])
        user.save()
    return user


def audit_add(
    *, user: str, method: str, route: str, arguments: Mapping[str, object], status: int, address: str | None
) -> None:
    """One line of the audit log."""
    AuditEntry.objects.create(
        user=user[:150],
        method=method[:10],
        route=route[:200],
        arguments={name: str(value)[:200] for name, value in arguments.items()},
        status=status,
        address=address,
    )


def audit_cut(*, days: int) -> int:
    """Forgets what is older."""
    return AuditEntry.objects.filter(at__lt=now() - timedelta(days=days)).delete()[0]

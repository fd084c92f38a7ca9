"""The verbs of signing in."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from nasportal.accounts.models import ApiToken, AuditEntry, LoginFailure, LoginLink

LINK_LIFE = timedelta(days=1)
TOKEN_PREFIX = "nasp_"
FAILURE_WINDOW = timedelta(minutes=10)
FAILURES_PER_NAME = 10
FAILURES_PER_ADDRESS = 50


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


@transaction.atomic
def login_failure_add(*, name: str, address: str | None) -> None:
    """Counts a refused attempt, and forgets those that no longer count."""
    LoginFailure.objects.filter(at__lt=now() - FAILURE_WINDOW).delete()
    LoginFailure.objects.create(name=name[:150], address=address)


def login_failures_forget(*, name: str, address: str | None) -> None:
    """Deletes the failures of a user who signed in."""
    LoginFailure.objects.filter(name=name[:150], address=address).delete()


def login_is_blocked(*, name: str, address: str | None) -> bool:
    """Returns whether this name from this address, or this address with any name, was refused too often of late."""
    recent = LoginFailure.objects.filter(at__gt=now() - FAILURE_WINDOW, address=address)
    return recent.filter(name=name[:150]).count() >= FAILURES_PER_NAME or recent.count() >= FAILURES_PER_ADDRESS


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

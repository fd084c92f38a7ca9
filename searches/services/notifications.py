"""Tells people that a run of theirs has ended: rows first, in the transaction of the end; messages afterwards.

A message that does not get through is tried again. The guard sends what is due (nasportal/server/courier.py), never a
worker of the task cluster: a receiver that does not answer would hold a place that a search needs.
"""

import json
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, User
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Min
from django.utils import timezone

from nasportal.lib.webhooks import Message, WebhookRefused, checked, deliver_apart
from searches.models import Notice, NoticeStatus, NoticeWishes, SearchRun
from searches.models.status import Status
from searches.services.activity import activity_add

log = logging.getLogger(__name__)
PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))  # before the second try, the third, the last
KEPT_A_USER = 50
LEASE_SECONDS = 60.0  # longer than a delivery, with the start of its process
FAILURES_AT_MOST = 10  # in a row; after them a webhook is switched off
WORDS = {Status.FINISHED: "finished", Status.FAILED: "failed", Status.CANCELLED: "was stopped"}


def run_ended(*, run: SearchRun, status: Status, reason: str = "") -> None:
    """Within the transaction that ends the run: the activity, and a notice each way that its starter wants."""
    what = f"{run.name} {WORDS[status]}" + (f": {reason}" if status == Status.FAILED and reason else "")
    activity_add(project=run.project, run=run, what=what)
    if run.created_by is not None:
        notices_add(run=run, user=run.created_by, status=status)


def ways_of(user: AbstractBaseUser) -> list[str]:
    """Returns the ways in which a user wants to be notified."""
    wishes = NoticeWishes.objects.filter(user_id=user.pk).first()
    if wishes is None:
        return []
    has_hook = bool(wishes.webhook_url) and wishes.webhook_off_since is None
    return [way for way, wanted in (("email", wishes.by_email), ("webhook", has_hook)) if wanted]


@transaction.atomic
def notices_add(*, run: SearchRun, user: AbstractBaseUser, status: str) -> None:
    """A notice for each way, due at once."""
    now = timezone.now()
    Notice.objects.bulk_create(
        Notice(run=run, user_id=user.pk, way=way, run_status=status, due=now) for way in ways_of(user)
    )


@transaction.atomic
def wishes_save(
    *, user: User, email: str, by_email: bool, webhook_url: str, renew_secret: bool = False, keep_off: bool = False
) -> NoticeWishes:
    """Save how somebody wants to be told from now on; this switches the webhook on again, unless told to `keep_off`."""
    wishes = NoticeWishes.objects.filter(user=user).first() or NoticeWishes(user=user)
    if webhook_url and webhook_url != wishes.webhook_url:
        webhook_check(webhook_url)
    wishes.by_email, wishes.webhook_url = by_email, webhook_url
    if not keep_off:
        wishes.webhook_failures, wishes.webhook_off_since = 0, None
    if renew_secret or not wishes.webhook_secret:
        wishes.webhook_secret = secrets.token_hex(24)
    wishes.full_clean()
    wishes.save()
    if email != user.email:
        user.email = email
        user.save(update_fields=["email"])
    return wishes


def webhook_check(url: str) -> None:
    """Refuse (WebhookRefused) what would be refused on delivery, as far as the address's text tells."""
    checked(url, inside=settings.WEBHOOKS_INSIDE)


@dataclass(frozen=True)
class Errand:
    """A notice that this process has claimed."""

    notice: Notice  # as it was before the claim
    token: int


def notices_claim(*, room: int) -> list[Errand]:
    """Claim up to `room` notices that are due, one per person: whose receiver is slow waits for it alone."""
    now = timezone.now()
    served = Notice.objects.leased(now).values("user")
    oldest = Notice.objects.due(now).exclude(user__in=served).order_by().values("user").annotate(first=Min("pk"))
    keys = [each["first"] for each in oldest.order_by("first")[:room]]
    errands = []
    chosen = Notice.objects.filter(pk__in=keys).order_by("pk")
    for notice in chosen.select_related("run__project", "user__notice_wishes"):
        pause = PAUSES[min(notice.attempts, len(PAUSES) - 1)]
        token = Notice.objects.claim(notice, seconds=LEASE_SECONDS, attempts=F("attempts") + 1, due=now + pause)
        if token is not None:
            errands.append(Errand(notice, token))
    return errands


def notice_send(errand: Errand) -> None:
    """Send what was claimed, and write down what came of it. Takes up to `webhooks.SECONDS` and somewhat more."""
    notice = errand.notice
    try:
        answer = SENDERS[notice.way](notice)
    except WebhookRefused as refusal:
        status, answer = NoticeStatus.FAILED, str(refusal)
    except OSError as error:  # smtplib's faults are among them
        status = NoticeStatus.FAILED if notice.attempts >= len(PAUSES) else NoticeStatus.WAITING
        answer = f"{type(error).__name__}: {error}"
        log.warning("run %s: notice %s by %s: %s", notice.run_id, notice.pk, notice.way, answer)
    else:
        status = NoticeStatus.SENT
    Notice.objects.filter(pk=notice.pk).release(errand.token, status=status, answer=answer[:300])
    done = Notice.objects.filter(user=notice.user).exclude(status=NoticeStatus.WAITING)
    Notice.objects.filter(pk__in=list(done.values_list("pk", flat=True)[KEPT_A_USER:])).delete()


def document(notice: Notice) -> dict[str, Any]:
    """Returns what a webhook gets."""
    run = notice.run
    return {
        "event": "run.ended",
        "run": run.pk,
        "name": run.name,
        "project": run.project.slug,
        "status": notice.run_status,
        "reason": run.reason,
        "evaluations": run.evaluations_done,
        "best_accuracy": run.best_accuracy,
        "front_size": run.front_size,
        "hypervolume": run.hypervolume,
        "history_sha256": run.history_sha256,
        "url": address(run),
    }


def address(run: SearchRun) -> str:
    return f"{settings.PUBLIC_ADDRESS}/runs/{run.pk}/"


def _email(notice: Notice) -> str:
    run = notice.run
    if not notice.user.email:
        raise WebhookRefused("This account has no e-mail address.")
    lines = [f"{run.name} {WORDS[Status(notice.run_status)]} after {run.evaluations_done} evaluations."]
    if run.best_accuracy is not None:
        lines.append(f"Best accuracy {run.best_accuracy * 100:.1f} %, {run.front_size} networks on the front.")
    if run.reason:
        lines.append(run.reason)
    # A name has no line breaks (RunCreateSerializer and the form see to it), so it cannot add a header.
    subject = " ".join(f"NAS Portal: {run.name} {WORDS[Status(notice.run_status)]}".split())
    EmailMessage(subject, "\n\n".join([*lines, address(run)]) + "\n", to=[notice.user.email]).send()
    return f"to {notice.user.email}"


def _webhook(notice: Notice) -> str:
    wishes: NoticeWishes = notice.user.notice_wishes
    if not wishes.webhook_url:
        raise WebhookRefused("The webhook was removed.")
    if wishes.webhook_off_since:
        raise WebhookRefused("The webhook is switched off.")
    body = json.dumps(document(notice), allow_nan=False).encode()
    try:
        answer = deliver_apart(
            wishes.webhook_url,
            Message(body, secret=wishes.webhook_secret, delivery=str(notice.pk)),
            inside=settings.WEBHOOKS_INSIDE,
        )
    except (WebhookRefused, OSError):
        _count_failure(wishes)
        raise
    NoticeWishes.objects.filter(pk=wishes.pk).update(webhook_failures=0)
    return answer


def _count_failure(wishes: NoticeWishes) -> None:
    """Switch the webhook off after too many failures in a row; the page of notices tells its owner."""
    same = NoticeWishes.objects.filter(pk=wishes.pk, webhook_url=wishes.webhook_url, webhook_off_since=None)
    same.update(webhook_failures=F("webhook_failures") + 1)
    if same.filter(webhook_failures__gte=FAILURES_AT_MOST).update(webhook_off_since=timezone.now()):
        log.warning("the webhook of user %s is switched off after %s failures", wishes.user_id, FAILURES_AT_MOST)


SENDERS = {"email": _email, "webhook": _webhook}

"""Tells people that a run of theirs has ended: rows first, in the transaction of the end; messages afterwards.

A message that does not get through is tried again; the reaper rings for those that are due.
"""

import json
import logging
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, User
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from nasportal.lib.webhooks import WebhookRefused, deliver
from searches.models import Notice, NoticeWishes, SearchRun
from searches.models.status import Status
from searches.services.activity import activity_add

log = logging.getLogger(__name__)
PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))  # before the second try, the third, the last
KEPT_A_USER = 50
AT_ONCE = 20
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
    return [way for way, wanted in (("email", wishes.by_email), ("webhook", wishes.webhook_url)) if wanted]


@transaction.atomic
def notices_add(*, run: SearchRun, user: AbstractBaseUser, status: str) -> None:
    """A notice for each way, due at once."""
    ways = ways_of(user)
    now = timezone.now()
    Notice.objects.bulk_create(Notice(run=run, user_id=user.pk, way=way, status=status, due=now) for way in ways)
    if ways:
        ring()


@transaction.atomic
def wishes_save(
    *, user: User, email: str, by_email: bool, webhook_url: str, renew_secret: bool = False
) -> NoticeWishes:
    """Saves how a user wants to be notified from now on."""
    wishes = NoticeWishes.objects.filter(user=user).first() or NoticeWishes(user=user)
    wishes.by_email, wishes.webhook_url = by_email, webhook_url
    if renew_secret or not wishes.webhook_secret:
        wishes.webhook_secret = secrets.token_hex(24)
    wishes.full_clean()
    wishes.save()
    if email != user.email:
        user.email = email
        user.save(update_fields=["email"])
    return wishes


def ring() -> None:
    transaction.on_commit(lambda: async_task("searches.tasks.notify", group="notify", save=False))


def notices_send() -> int:
    """Sends what is due; returns how many were tried. Each is claimed first, so that two workers send nothing twice."""
    tried = 0
    for notice in Notice.objects.due(timezone.now()).select_related("run__project", "user__notice_wishes")[:AT_ONCE]:
        pause = PAUSES[min(notice.attempts, len(PAUSES) - 1)]
        claimed = Notice.objects.filter(pk=notice.pk, attempts=notice.attempts, state="waiting").update(
            attempts=notice.attempts + 1, due=timezone.now() + pause
        )
        if claimed:
            tried += 1
            _send(notice)
    return tried


def _send(notice: Notice) -> None:
    try:
        answer = SENDERS[notice.way](notice)
    except WebhookRefused as refusal:
        state, answer = "failed", str(refusal)
    except OSError as error:  # smtplib's faults are among them
        state = "failed" if notice.attempts >= len(PAUSES) else "waiting"
        answer = f"{type(error).__name__}: {error}"
        log.warning("run %s: notice %s by %s: %s", notice.run_id, notice.pk, notice.way, answer)
    else:
        state = "sent"
    Notice.objects.filter(pk=notice.pk).update(state=state, answer=answer[:300])
    old = Notice.objects.filter(user=notice.user).values_list("pk", flat=True)[KEPT_A_USER:]
    Notice.objects.filter(pk__in=list(old)).delete()


def document(notice: Notice) -> dict[str, Any]:
    """Returns what a webhook gets."""
    run = notice.run
    return {
        "event": "run.ended",
        "run": run.pk,
        "name": run.name,
        "project": run.project.slug,
        "status": notice.status,
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
    lines = [f"{run.name} {WORDS[Status(notice.status)]} after {run.evaluations_done} evaluations."]
    if run.best_accuracy is not None:
        lines.append(f"Best accuracy {run.best_accuracy * 100:.1f} %, {run.front_size} networks on the front.")
    if run.reason:
        lines.append(run.reason)
    # A name has no line breaks (RunCreateSerializer and the form see to it), so it cannot add a header.
    subject = " ".join(f"NAS Portal: {run.name} {WORDS[Status(notice.status)]}".split())
    EmailMessage(subject, "\n\n".join([*lines, address(run)]) + "\n", to=[notice.user.email]).send()
    return f"to {notice.user.email}"


def _webhook(notice: Notice) -> str:
    wishes: NoticeWishes = notice.user.notice_wishes
    if not wishes.webhook_url:
        raise WebhookRefused("The webhook was removed.")
    body = json.dumps(document(notice), allow_nan=False).encode()
    return deliver(wishes.webhook_url, body, secret=wishes.webhook_secret, delivery=str(notice.pk))


SENDERS = {"email": _email, "webhook": _webhook}

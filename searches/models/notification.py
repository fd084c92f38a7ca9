"""How people want to hear of the end of a run, and what is to be sent."""

from datetime import datetime

from django.conf import settings
from django.db import models

from nasportal.lib.leases import Leased, LeasedQuerySet


class NoticeWishes(models.Model):
    """How a user wants to be notified that a run which they started has ended."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_wishes")
    by_email = models.BooleanField(default=False)
    # Not a URLField, which knows no plain host names: lib/webhooks.py checks what is saved.
    webhook_url = models.CharField(max_length=500, blank=True)
    webhook_secret = models.CharField(max_length=64, blank=True)
    webhook_failures = models.PositiveIntegerField(default=0)  # in a row
    webhook_off_since = models.DateTimeField(null=True, blank=True)  # after too many of them

    def __str__(self) -> str:
        return f"notices of {self.user}"


class NoticeStatus(models.TextChoices):
    """The steps of a notice."""

    WAITING = "waiting", "waiting"
    SENT = "sent", "sent"
    FAILED = "failed", "failed"


class NoticeQuerySet(LeasedQuerySet["Notice"]):
    """Notices by the work that is left."""

    def due(self, now: datetime) -> "NoticeQuerySet":
        """Notices that are to be sent now and that nobody is sending."""
        return self.claimable(now).filter(due__lte=now)


class Notice(Leased):
    """A message on its way: written in the transaction that ended the run, sent afterwards, tried again.

    Who sends it holds its lease, which is longer than a delivery may take.
    """

    WITH_WORK = UNDER_LEASE = (NoticeStatus.WAITING,)

    run = models.ForeignKey("searches.SearchRun", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    way = models.CharField(max_length=10, choices=[("email", "e-mail"), ("webhook", "webhook")])
    run_status = models.CharField(max_length=10)  # when it ended
    status = models.CharField(max_length=10, choices=NoticeStatus, default=NoticeStatus.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due = models.DateTimeField()
    answer = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["status", "due"], name="notice_work")]

    def __str__(self) -> str:
        return f"{self.way} to {self.user}: {self.run} {self.run_status}"

"""How people want to hear of the end of a run, and what is to be sent."""

from django.conf import settings
from django.db import models


class NoticeWishes(models.Model):
    """How a user wants to be notified that a run which they started has ended."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_wishes")
    by_email = models.BooleanField(default=False)
    webhook_url = models.URLField(max_length=500, blank=True)
    webhook_secret = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"notices of {self.user}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Notices by the work that is left."""

    def due(self, now: object) -> "NoticeQuerySet":
        return self.filter(state="waiting", due__lte=now)


class Notice(models.Model):
    """A message on its way: written in the transaction that ended the run, sent afterwards, tried again."""

    run = models.ForeignKey("searches.SearchRun", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    way = models.CharField(max_length=10, choices=[("email", "e-mail"), ("webhook", "webhook")])
    status = models.CharField(max_length=10)  # of the run, when it ended
    state = models.CharField(max_length=10, default="waiting")  # waiting, sent, failed
    attempts = models.PositiveIntegerField(default=0)
    due = models.DateTimeField()
    answer = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "due"], name="notice_work")]

    def __str__(self) -> str:
        return f"{self.way} to {self.user}: {self.run} {self.status}"

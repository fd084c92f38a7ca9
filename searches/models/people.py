"""What people add to searches, and what they are told: notes, tags, stars, templates, activity, notices."""

from django.conf import settings
from django.db import models
from django.db.models import Q

NOTE_LENGTH = 20_000
TAG_LENGTH = 40


def one_each(name: str, *fields: str) -> list[models.BaseConstraint]:
    """At most one row for a run itself, and one for each of its candidates."""
    return [
        models.UniqueConstraint(fields=["run", *fields], condition=Q(candidate=None), name=f"{name}_a_run"),
        models.UniqueConstraint(fields=["candidate", *fields], name=f"{name}_a_candidate"),
    ]


class Note(models.Model):
    """What the team wrote about a run or a candidate, as Markdown."""

    run = models.ForeignKey("searches.SearchRun", on_delete=models.CASCADE, related_name="notes")
    candidate = models.ForeignKey("searches.Candidate", on_delete=models.CASCADE, null=True, related_name="notes")
    text = models.TextField(max_length=NOTE_LENGTH)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)  # of two who write at the same time the second is told
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["pk"]
        constraints = one_each("one_note")

    def __str__(self) -> str:
        return self.text[:60]


class Tag(models.Model):
    """A word by which the team finds runs or candidates again."""

    run = models.ForeignKey("searches.SearchRun", on_delete=models.CASCADE, related_name="tags")
    candidate = models.ForeignKey("searches.Candidate", on_delete=models.CASCADE, null=True, related_name="tags")
    name = models.CharField(max_length=TAG_LENGTH)

    class Meta:
        ordering = ["name"]
        constraints = one_each("one_tag", "name")
        indexes = [models.Index(fields=["name", "run"], name="tag_by_name")]

    def __str__(self) -> str:
        return self.name


class Star(models.Model):
    """Somebody's own mark on a run or a candidate; nobody else sees it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stars")
    run = models.ForeignKey("searches.SearchRun", on_delete=models.CASCADE, related_name="stars")
    candidate = models.ForeignKey("searches.Candidate", on_delete=models.CASCADE, null=True, related_name="stars")

    class Meta:
        ordering = ["pk"]
        constraints = one_each("one_star", "user")

    def __str__(self) -> str:
        return f"{self.user}: {self.candidate or self.run}"


class SpecTemplate(models.Model):
    """A spec that a project keeps to start further runs from."""

    project = models.ForeignKey("searches.Project", on_delete=models.CASCADE, related_name="templates")
    name = models.CharField(max_length=200)
    spec = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_template_a_name")]

    def __str__(self) -> str:
        return self.name


class Activity(models.Model):
    """Who did what in a project, as a sentence without its subject; kept when runs and people are gone."""

    project = models.ForeignKey("searches.Project", on_delete=models.CASCADE, related_name="activity")
    run = models.ForeignKey("searches.SearchRun", on_delete=models.SET_NULL, null=True, related_name="+")
    by = models.CharField(max_length=150, blank=True)  # empty: the portal itself
    what = models.CharField(max_length=300)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "activity"

    def __str__(self) -> str:
        return f"{self.by or 'the portal'} {self.what}"


class NoticeWishes(models.Model):
    """How somebody wants to be told that a run which they started has ended."""

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

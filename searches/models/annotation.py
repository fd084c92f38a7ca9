"""Notes, tags and stars of runs and candidates."""

from django.conf import settings
from django.db import models
from django.db.models import Q

NOTE_LENGTH = 20_000


TAG_LENGTH = 40


def one_each(name: str, *fields: str) -> list[models.BaseConstraint]:
    """Allows one row for a run itself, and one for each of its candidates."""
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
    version = models.PositiveIntegerField(default=1)  # of two who write at the same time the second is informed
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

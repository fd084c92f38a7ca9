"""The activity of a project, and its templates."""

from django.conf import settings
from django.db import models


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
    """An action in a project, as a sentence without its subject; kept when runs and people are gone."""

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

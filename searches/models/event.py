"""Events of a run, and how far each evaluator is."""

from django.db import models

from searches.models.querysets import (
    EventQuerySet,
)
from searches.models.run import SearchRun


class Event(models.Model):
    """Something that happened in a run, in the order of `seq`."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "seq"]
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_event_a_seq")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Progress(models.Model):
    """What an evaluator is doing right now: one row each, overwritten, never part of the history."""

    run = models.ForeignKey(SearchRun, on_delete=models.CASCADE, related_name="progress")
    evaluator = models.PositiveIntegerField()
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["run_id", "evaluator"]
        constraints = [models.UniqueConstraint(fields=["run", "evaluator"], name="one_progress_an_evaluator")]

    def __str__(self) -> str:
        return f"evaluator {self.evaluator}"

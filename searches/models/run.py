"""Search runs: what was asked, how far it is, what it ended with."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from nasportal.lib.work_queue import Queued
from searches.models.project import Project
from searches.models.querysets import (
    SearchRunQuerySet,
)
from searches.models.status import OVER, UNDER_LEASE, WITH_WORK, Phase, Status


class SearchRun(Queued):
    """One search: its spec, how far it is, and who holds the lease on it."""

    WITH_WORK = WITH_WORK
    UNDER_LEASE = UNDER_LEASE
    WORK = "searches"
    QUEUED_BY = "created_by"
    QUEUED_AT = "queued"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    name = models.CharField(max_length=200)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="search_runs"
    )
    spec = models.JSONField()
    header = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.PROBLEM)
    reason = models.TextField(blank=True)
    traceback = models.TextField(blank=True)

    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    worked_seconds = models.FloatField(default=0.0)  # time under a lease: pauses and queues do not count

    seq = models.PositiveBigIntegerField(default=0)  # of the newest event
    first_seq = models.PositiveBigIntegerField(default=1)  # of the oldest event that is kept

    evaluations_total = models.PositiveIntegerField(default=0)
    evaluations_done = models.PositiveIntegerField(default=0)  # distinct networks; the failed ones, too
    evaluations_failed = models.PositiveIntegerField(default=0)
    evaluations_cached = models.PositiveIntegerField(default=0)  # taken from the project's cache, promotions included
    promotions_done = models.PositiveIntegerField(default=0)  # evaluations of known networks at a higher fidelity
    steps_done = models.PositiveIntegerField(default=0)
    cost = models.BigIntegerField(default=0)  # multiply-adds of all that was accepted; counted
    duplicates = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    # A resumed engine repeats what it proposed: up to these numbers it is counted already.
    duplicates_through = models.IntegerField(default=-1)
    refused_through = models.IntegerField(default=-1)
    promoted_through = models.IntegerField(default=-1)
    generation = models.IntegerField(null=True, blank=True)
    stage = models.IntegerField(default=-1)  # of an algorithm that has stages
    supernet = models.JSONField(null=True, blank=True)  # how the trial of a supernet ended
    hypervolume = models.FloatField(null=True, blank=True)
    front_size = models.PositiveIntegerField(default=0)
    best_accuracy = models.FloatField(null=True, blank=True)
    chosen_number = models.PositiveIntegerField(null=True, blank=True)
    selection = models.JSONField(null=True, blank=True)
    history_sha256 = models.CharField(max_length=64, blank=True)
    control_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="controls")

    attempt = models.PositiveIntegerField(default=0)
    queued = models.DateTimeField(null=True, blank=True)

    objects = SearchRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        indexes = [
            models.Index(fields=["status", "lease_until"], name="run_work"),
            models.Index(fields=["project", "-created"], name="run_of_project"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="run_has_a_known_status"),
            models.CheckConstraint(condition=Q(first_seq__lte=F("seq") + 1), name="run_keeps_a_suffix_of_its_events"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Returns the folder in which the engine keeps weights and its log."""
        return Path(settings.DATA_DIR) / "runs" / str(self.pk)

    def lines(self) -> list[tuple[int, int, str]]:
        """Number, fidelity and text of each accepted line of the history, in no order."""
        steps = self.steps.values_list("number", "line")
        evaluations = self.evaluations.values_list("number", "fidelity", "line")
        return [*evaluations, *((number, 0, line) for number, line in steps)]

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @property
    def share_done(self) -> float:
        """Returns 0 to 1, of the budget of evaluations or of counted cost, whichever is nearer to its end."""
        by_count = self.evaluations_done / self.evaluations_total if self.evaluations_total else 0.0
        by_cost = self.cost / self.spec["max_cost"] if self.spec.get("max_cost") else 0.0
        return min(1.0, max(by_count, by_cost))

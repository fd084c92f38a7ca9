"""Replays that people ask for on a page: algorithms on a table of known results."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from nasportal.lib.work_queue import Queued, QueuedQuerySet


class ReplayStatus(models.TextChoices):
    """The steps of a replay."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    FINISHED = "finished", "finished"
    FAILED = "failed", "failed"
    STOPPED = "stopped", "stopped"


class ReplayQuerySet(QueuedQuerySet["Replay"]):
    """Replays by the work that is left."""


class Replay(Queued):
    """A question to a table, and the figures that answer it; its owner alone sees it."""

    WITH_WORK = (ReplayStatus.QUEUED, ReplayStatus.RUNNING)
    UNDER_LEASE = (ReplayStatus.RUNNING,)
    WORK = "replays"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="replays")
    table_name = models.CharField(max_length=200)
    table_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    is_on_server = models.BooleanField(default=False)  # a file of settings.TRUTH_DATA, not an upload
    question = models.JSONField()  # options of `manage.py replay`
    status = models.CharField(max_length=10, choices=ReplayStatus, default=ReplayStatus.QUEUED)
    reason = models.TextField(blank=True)
    done = models.PositiveIntegerField(default=0)  # repeats, of all algorithms
    total = models.PositiveIntegerField(default=0)
    figures = models.JSONField(default=dict, blank=True)  # as `replay --json` has them
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ReplayStatus.values), name="replay_has_a_known_status")
        ]

    def __str__(self) -> str:
        return f"replay {self.pk} of {self.table_name}"

    @property
    def folder(self) -> Path:
        return Path(settings.DATA_DIR) / "replays" / str(self.pk)

    @property
    def table(self) -> Path:
        return Path(settings.TRUTH_DATA) / self.table_name if self.is_on_server else self.folder / self.table_name

    @property
    def has_work(self) -> bool:
        return self.status in self.WITH_WORK

    @property
    def share_done(self) -> float:
        return self.done / self.total if self.total else 0.0

"""Datasets that people upload to a project."""

from pathlib import Path

from django.conf import settings
from django.db import models

from nasportal.lib.work_queue import Queued, QueuedQuerySet
from searches.evaluation.datasets.stored import SCHEME


class UploadStatus(models.TextChoices):
    """The steps of an upload on its way to a dataset."""

    READING = "reading", "being read"
    READY = "ready", "ready"
    REFUSED = "refused", "refused"


class UploadedDataSetQuerySet(QueuedQuerySet["UploadedDataSet"]):
    """Uploads by the work that is left."""


class UploadedDataSet(Queued):
    """An npz file or a zip of images, decoded once; searches of its project may run on it."""

    WITH_WORK = UNDER_LEASE = (UploadStatus.READING,)
    WORK = "datasets"
    QUEUED_BY = "by"

    project = models.ForeignKey("searches.Project", on_delete=models.CASCADE, related_name="datasets")
    key = models.CharField(max_length=32, unique=True)  # its folder, and its name in a spec
    name = models.CharField(max_length=100)
    file_name = models.CharField(max_length=200)
    resize = models.CharField(max_length=60, blank=True)  # what stands behind the path: resize=pad,side=48
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    status = models.CharField(max_length=10, choices=UploadStatus, default=UploadStatus.READING)
    reason = models.TextField(blank=True)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    card = models.JSONField(default=dict, blank=True)

    objects = UploadedDataSetQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_data_set_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """Returns the name that a spec uses for it."""
        return f"{SCHEME}{self.key}"

    @property
    def folder(self) -> Path:
        return Path(settings.DATA_DIR) / "datasets" / "uploads" / self.key

    @property
    def incoming(self) -> Path:
        """The file as it came, until it is read."""
        return Path(settings.DATA_DIR) / "datasets" / "incoming" / f"{self.key}{Path(self.file_name).suffix.lower()}"

    @property
    def portrait(self) -> Path:
        return Path(settings.DATA_DIR) / "datasets" / "portraits" / self.key

"""Devices that measure for the portal, and what they were asked. Facts only; verbs are in `services`."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

from nasportal.lib.leases import Leased, LeasedQuerySet
from profiling import targets
from profiling.calibration import Calibration

AWAY_SECONDS = 30.0  # an agent asks every few seconds while nothing is measured
MEASURING_SECONDS = 120.0  # the longest that a measurement may take: the lease of a job


class JobStatus(models.TextChoices):
    """The states of a measurement."""

    QUEUED = "queued"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


class DeviceQuerySet(models.QuerySet["Device"]):
    """Devices by whom they belong to."""

    def owned_by(self, user: AbstractBaseUser | AnonymousUser) -> DeviceQuerySet:
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()


class Device(models.Model):
    """A machine of a user's that runs nasportal-agent. Its secrets are random, so their sha256 is kept."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=60)  # the registered target that it is most like
    code_digest = models.CharField(max_length=64, blank=True)
    code_expires = models.DateTimeField(null=True, blank=True)
    token_digest = models.CharField(max_length=64, blank=True)
    specification = models.JSONField(default=dict, blank=True)  # what the agent says of its machine
    state = models.JSONField(default=dict, blank=True)  # temperature, throttling, load: as last reported
    last_seen = models.DateTimeField(null=True, blank=True)
    calibration = models.JSONField(null=True, blank=True)
    calibrated = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_device_a_name"),
            models.UniqueConstraint(fields=["token_digest"], condition=~Q(token_digest=""), name="one_device_a_token"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def target_name(self) -> str:
        """Returns the name that a search spec uses for the device."""
        return f"{self.kind}{targets.AT}{self.pk}"

    @property
    def is_paired(self) -> bool:
        return bool(self.token_digest)

    @property
    def is_away(self) -> bool:
        """It neither asks nor measures: nothing was heard of it for longer than either takes."""
        if self.last_seen is None:
            return True
        silent = timezone.now() - self.last_seen
        is_measuring = DeviceJob.objects.leased().filter(device=self).exists()
        return silent > timedelta(seconds=AWAY_SECONDS) and not is_measuring

    @property
    def fitted(self) -> Calibration | None:
        return Calibration.from_document(self.calibration) if self.calibration else None


class DeviceJobQuerySet(LeasedQuerySet["DeviceJob"]):
    """Measurements by the work that is left."""


class DeviceJob(Leased):
    """One network that a device measures once: asking again gives the same answer."""

    WITH_WORK = (JobStatus.QUEUED, JobStatus.LEASED)
    UNDER_LEASE = (JobStatus.LEASED,)

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="jobs")
    fingerprint = models.CharField(max_length=64)
    graph = models.TextField()  # compact form
    purpose = models.CharField(max_length=100)  # calibration, or what asked for it
    status = models.CharField(max_length=10, choices=JobStatus.choices, default=JobStatus.QUEUED)
    result = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)

    objects = DeviceJobQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["device", "fingerprint"], name="one_measurement_a_network_and_device"),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(result__isnull=False), name="a_measurement_has_a_result"
            ),
        ]
        indexes = [models.Index(fields=["device", "status"], name="device_work")]

    def __str__(self) -> str:
        return f"{self.fingerprint} on {self.device}"

"""The repositories that were asked for, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q

from nasportal.lib import file_storage
from nasportal.lib.work_queue import Queued, QueuedQuerySet

User = AbstractBaseUser | AnonymousUser
# Who else may see a repository is known to the app that asks for it: it adds its rule here.
sharing: list[Callable[[User], Q]] = []


class RepositoryStatus(models.TextChoices):
    """The states of a repository's background job."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


class RepositoryQuerySet(QueuedQuerySet["Repository"]):
    """Repositories by whom they belong to, and by the work that is left."""

    def owned_by(self, user: User) -> RepositoryQuerySet:
        return self.filter(owner_id=user.pk) if user.is_authenticated else self.none()

    def visible_to(self, user: User) -> RepositoryQuerySet:
        """One's own, and what the apps above share with one."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(reduce(or_, (rule(user) for rule in sharing), Q(owner_id=user.pk)))


class Repository(Queued):
    """One generated repository: what it was asked to be, its archive, and the gate's verdict."""

    WITH_WORK = (RepositoryStatus.QUEUED, RepositoryStatus.RUNNING)
    UNDER_LEASE = (RepositoryStatus.RUNNING,)
    WORK = "repositories"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="repositories")
    name = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    request = models.JSONField()  # what `python -m codegen.generate` reads
    request_sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=10, choices=RepositoryStatus.choices, default=RepositoryStatus.QUEUED)
    progress = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    log = models.TextField(blank=True)
    archive = models.CharField(max_length=300, blank=True)  # below the data folder
    sha256 = models.CharField(max_length=64, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    verdict = models.JSONField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    finished = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)

    objects = RepositoryQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        verbose_name_plural = "repositories"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=RepositoryStatus.values), name="repository_has_a_known_status"
            ),
            models.CheckConstraint(
                condition=~Q(status="ready") | (~Q(archive="") & ~Q(sha256="")), name="ready_means_an_archive"
            ),
        ]
        indexes = [models.Index(fields=["owner", "request_sha256"], name="repository_request")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.status == RepositoryStatus.READY

    @property
    def is_single(self) -> bool:
        """Returns whether this is the repository of one network, not a bundle."""
        return "architecture" in self.request

    @property
    def archive_path(self) -> Path:
        """Returns the path on this machine; the file is fetched where the machines do not share the data folder."""
        return file_storage.fetch(Path(settings.DATA_DIR) / self.archive, sha256=self.sha256 if self.archive else "")

    @property
    def folder(self) -> Path:
        return Path(settings.DATA_DIR) / "repositories" / str(self.pk)

"""Projects and their members."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

from searches.models.querysets import (
    ProjectQuerySet,
)
from searches.models.status import Role


class Project(models.Model):
    """A folder of search runs that is shared as a whole."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=80, unique=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def cache(self) -> Path:
        """Returns the folder of what its searches have paid for, for one another."""
        return Path(settings.DATA_DIR) / "cache" / str(self.pk)

    def role_of(self, user: AbstractBaseUser | AnonymousUser) -> Role | None:
        """Returns the user's role in this project; None if they may not even see it."""
        if user.is_authenticated and user.pk == self.owner_id:
            return Role.OWNER
        membership = self.memberships.filter(user_id=user.pk or 0).first()
        return Role(membership.role) if membership else None


class Membership(models.Model):
    """Somebody beside the owner who may see a project, or also start runs in it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(Role.EDITOR, "editor"), (Role.VIEWER, "viewer")])
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_a_member")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role}) in {self.project}"

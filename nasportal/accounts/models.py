"""What is kept about signing in. Secrets are kept as their sha256 only: they are random, so a fast hash is enough."""

from django.conf import settings
from django.db import models


class LoginLink(models.Model):
    """A link that signs its user in once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="login_links")
    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link for {self.user}, until {self.expires}"


class ApiToken(models.Model):
    """A secret with which a program acts for its user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    used = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class LoginAttempt(models.Model):
    """An attempt to sign in, counted before its password is looked at; kept as long as it counts towards the limits."""

    name = models.CharField(max_length=150)
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        indexes = [
            models.Index(fields=["name", "at"], name="attempts_on_account"),
            models.Index(fields=["address", "at"], name="attempts_from_address"),
        ]

    def __str__(self) -> str:
        return f"{self.name} from {self.address}"


class AuditEntry(models.Model):
    """A request that may have changed something: who sent it, what became of it. Kept by name, for people leave."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    user = models.CharField(max_length=150)
    method = models.CharField(max_length=10)
    route = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    status = models.PositiveSmallIntegerField()
    address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.user} {self.method} {self.route}: {self.status}"

"""What the watchdog keeps."""

from django.db import models


class Canary(models.Model):
    """A small task sent through the cluster to see whether work flows."""

    asked = models.DateTimeField(auto_now_add=True)
    answered = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"asked {self.asked}, answered {self.answered}"

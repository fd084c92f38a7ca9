"""The project as an app: its commands and checks."""

from django.apps import AppConfig


class NasPortalConfig(AppConfig):
    """Commands `up`, `worker`, `doctor`, `backup`, `restore`."""

    name = "nasportal"
    verbose_name = "NAS Portal"

"""The searches app."""

import os

from django.apps import AppConfig
from django.conf import settings


class SearchesConfig(AppConfig):
    """Projects, runs, candidates and their events."""

    name = "searches"

    def ready(self) -> None:
        """A team shares its repositories, sets of other machines are fetched, and crash points are for tests alone."""
        from codegen.models import sharing
        from nasportal.lib.crash_points import disarm
        from nasportal.lib.file_storage import fetch_folder
        from searches.evaluation.datasets.stored import brings
        from searches.models.querysets import shared_repositories

        os.environ.setdefault("NASPORTAL_DATA", str(settings.DATA_DIR))  # where data sets lie, for those without Django
        if shared_repositories not in sharing:
            sharing.append(shared_repositories)
        if fetch_folder not in brings:
            brings.append(fetch_folder)
        if not getattr(settings, "FAULT_INJECTION", False):
            disarm()

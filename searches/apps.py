"""The searches app."""

from django.apps import AppConfig


class SearchesConfig(AppConfig):
    """Projects, runs, candidates and their events."""

    name = "searches"

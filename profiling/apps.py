"""The profiling app."""

from django.apps import AppConfig


class ProfilingConfig(AppConfig):
    """Hardware targets and measured profiles."""

    name = "profiling"

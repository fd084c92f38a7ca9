"""The codegen app."""

from django.apps import AppConfig


class CodegenConfig(AppConfig):
    """Generated repositories."""

    name = "codegen"

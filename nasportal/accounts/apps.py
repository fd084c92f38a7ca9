"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Accounts of the portal: signing in, one-time links, API tokens."""

    name = "nasportal.accounts"
    label = "accounts"

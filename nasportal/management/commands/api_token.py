"""`manage.py api_token NAME`: a token for a program, without a browser."""

import sys
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from django.utils import timezone

from nasportal.accounts import services
from nasportal.setup.prepare import say


class Command(BaseCommand):
    """Prints the token on stdout, once."""

    help = "Creates an API token for an account and prints it; the portal keeps only its hash."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the token's user and its days."""
        parser.add_argument("name", help="user name of the account")
        parser.add_argument("--days", type=int, default=90, help="days until the token expires (default 90)")

    def handle(self, *args: Any, name: str, days: int, **options: Any) -> None:
        """Exit 2 where there is no such account."""
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None or not 1 <= days <= 3650:
            fault = f"No account is named {name!r}." if user is None else "--days must be from 1 to 3650."
            say(fault)
            sys.exit(2)
        expires = timezone.now() + timedelta(days=days)
        print(services.token_create(user=user, name="made by manage.py api_token", expires=expires))

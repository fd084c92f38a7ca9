"""`manage.py login_link`: a new one-time link."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand

from nasportal.accounts import services
from nasportal.setup.prepare import say


class Command(BaseCommand):
    """Prints a link that signs a user in once."""

    help = "Prints a link that signs a user in once; older links of that user stop working."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the user and the address at which the portal is reached."""
        parser.add_argument("user", nargs="?", default="admin", help="user name (default: admin)")
        parser.add_argument("--create", action="store_true", help="create the account if it does not exist")
        parser.add_argument(
            "--address",
            default=f"http://127.0.0.1:{os.environ.get('PORT', '8000')}",
            help="address of the portal (default: this machine)",
        )

    def handle(self, *args: Any, user: str, create: bool, address: str, **options: Any) -> None:
        """Exit 2 where there is no such user."""
        try:
            account = services.account_create(name=user) if create else User.objects.filter(username=user).first()
        except ValidationError as error:
            say(" ".join(error.messages))
            sys.exit(2)
        if account is None:
            say(f"There is no user named {user!r}. Use another name, or create the account with --create.")
            sys.exit(2)
        secret = services.login_link_create(user=account)
        print(f"{address.rstrip('/')}/login/once/{secret}/")

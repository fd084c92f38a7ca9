"""`manage.py example`: the finished example run, loaded into this portal or searched for anew."""

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from searches.supervision import example


class Command(BaseCommand):
    """Loads the example for an account; --renew makes the recording."""

    help = "Loads the finished example run for an account; --renew searches again and rewrites the recording."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the user who gets the example."""
        parser.add_argument("user", nargs="?", default="admin", help="user name (default: admin)")
        parser.add_argument(
            "--renew", action="store_true", help="for developers: search again and rewrite the recording"
        )

    def handle(self, *args: Any, user: str, renew: bool, **options: Any) -> None:
        """Exit 2 where there is no such user."""
        if renew:
            with tempfile.TemporaryDirectory() as folder:
                example.record(Path(folder))
            sys.stderr.write(f"{example.EVENTS}: {example.EVENTS.stat().st_size:,} bytes\n")
            return
        owner = User.objects.filter(username=user).first()
        if owner is None:
            sys.stderr.write(f"There is no user named {user!r}.\n")
            sys.exit(2)
        run = example.load(owner=owner)
        sys.stderr.write(f"The run {run.name} is in the project {run.project.name}.\n")

"""`manage.py move`: from the embedded database to PostgreSQL."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from nasportal.backup.database_move import MoveError, move
from nasportal.setup.prepare import say


class Command(BaseCommand):
    """Copies all rows into an empty database; the old one stays as it is."""

    help = (
        "Copies every row into the empty database at ADDRESS (postgres://…) and checks it; the old one stays as it is."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the address of the new database."""
        parser.add_argument("address", metavar="ADDRESS")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        """Exit 2 where nothing was moved."""
        try:
            moved = move(address)
        except MoveError as fault:
            say(str(fault))
            sys.exit(2)
        say(
            f"{sum(moved.values()):,} rows of {len(moved)} tables are in the new database. Set DATABASE_URL to its "
            "address and start the portal; the data folder stays the same."
        )

"""`manage.py restore`: a saved portal, put back."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from nasportal.backup import archive
from nasportal.setup.prepare import say


class Command(BaseCommand):
    """Puts an archive of `manage.py backup` into an empty data folder."""

    help = "Puts an archive of `manage.py backup` into an empty data folder, after checking every file's sha256."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the file that the backup is read from."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Exit 2 where nothing was put back."""
        try:
            manifest = archive.restore(file)
        except (archive.BackupError, OSError) as fault:
            say(str(fault))
            sys.exit(2)
        say(
            f"{len(manifest['files'])} files of {manifest['created']} were restored to {settings.DATA_DIR}; "
            "`manage.py up` starts the portal."
        )

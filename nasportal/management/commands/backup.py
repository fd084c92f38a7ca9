"""`manage.py backup`: the portal in one file."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.timezone import now

from nasportal.backup import archive
from nasportal.setup.prepare import say


class Command(BaseCommand):
    """Saves database and files while the portal goes on."""

    help = "Saves database and files to one archive, each with its sha256; the portal may keep running."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the file that the backup is written to."""
        parser.add_argument("file", nargs="?", type=Path, help="default: nas-portal-DATE-TIME.tar in this folder")

        parser.add_argument(
            "--keep",
            type=_count,
            metavar="N",
            help="keep the newest N backups of this data folder in the folder of the file; the others are deleted "
            "once the new one is complete and verified",
        )

    def handle(self, *args: Any, file: Path | None, keep: int | None, **options: Any) -> None:
        """Exit 2 where nothing could be saved."""
        target = file or Path(f"nas-portal-{now():%Y%m%d-%H%M%S}.tar")
        try:
            manifest = archive.save(target.absolute())
            gone = archive.delete_older(target.absolute(), keep) if keep else []
        except (archive.BackupError, OSError) as fault:
            say(str(fault))
            sys.exit(2)
        say(
            f"{len(manifest['files'])} files of {settings.DATA_DIR} are saved in {target}; the secret key is not in it."
        )
        if gone:
            say(f"Deleted {len(gone)} older backups: {', '.join(path.name for path in gone)}.")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count

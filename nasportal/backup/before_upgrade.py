"""The rows as they were before a new version migrates them: `manage.py up` keeps a copy, so that nobody is stranded."""

from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from nasportal.backup.archive import DATABASE, dump
from nasportal.lib.installation import portal_version
from nasportal.setup.prepare import missing_migrations

FOLDER = "backups"


def rows_save() -> Path | None:
    """A copy of the database where this version is about to change its schema; None where there is nothing to change.

    Files are not copied: an upgrade changes rows only. Raises BackupError where the copy cannot be made.
    """
    if not connection.introspection.table_names() or not missing_migrations():
        return None
    folder: Path = settings.DATA_DIR / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"before-{portal_version()}-{now():%Y%m%d-%H%M%S}-{DATABASE[connection.vendor]}"
    partial = folder / f"{name}.part"
    try:
        dump(partial)
        partial.chmod(0o600)
        return partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)

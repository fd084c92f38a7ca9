"""The disk of the data folder: a run that finds it full is paused, and goes on by itself when there is room again."""

import shutil
from pathlib import Path

from django.conf import settings

STORAGE_FULL = "storage full"


def free_bytes() -> int:
    folder = Path(settings.DATA_DIR)
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def is_full() -> bool:
    """Room for the next checkpoints and for the database's own log is kept free."""
    return free_bytes() < settings.DISK_RESERVE_BYTES


def has_room_again() -> bool:
    """Well above the limit, so that runs do not stop and go at its edge."""
    return free_bytes() > 1.5 * settings.DISK_RESERVE_BYTES


def words() -> str:
    mebibytes = settings.DISK_RESERVE_BYTES / 2**20
    return f"{STORAGE_FULL}: less than {mebibytes:,.0f} MiB are free. The run continues by itself once there is room"

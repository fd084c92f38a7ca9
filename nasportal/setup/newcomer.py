"""What a newcomer's machine may lack: each shortage in a sentence with the way out. None of them stops the portal."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Max
from django.utils.timezone import now

from searches.models import Event

GIB = 2**30
LEAST_MEMORY_BYTES = 4 * GIB  # two evaluators with torch, the web process and a browser
LEAST_DISK_BYTES = 5 * GIB  # beside the data: checkpoints of a few searches and an upload
CLOCK_SLACK = timedelta(seconds=60)


def facts() -> dict[str, Any]:
    """Returns what was found: compiler, memory, free disk, and how far the clock is behind the newest row."""
    return {
        "compiler": compiler(),
        "memory_bytes": psutil.virtual_memory().total,
        "free_disk_bytes": free_disk_bytes(settings.DATA_DIR),
        "clock_behind_seconds": clock_behind_seconds(),
    }


def compiler() -> str:
    """The C compiler that checks C exports, where there is one."""
    return shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or ""


def free_disk_bytes(folder: Path) -> int:
    """Bytes that are free where the data folder is, or would be made."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def clock_behind_seconds() -> float:
    """Returns how far this machine's clock is behind the newest event of the database; 0 where it is not."""
    name = settings.DATABASES["default"]["NAME"]
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") and not Path(name).exists():
        return 0.0
    try:
        newest: datetime | None = Event.objects.aggregate(newest=Max("at"))["newest"]
    except DatabaseError:
        return 0.0  # the doctor's own look at the database says what is wrong with it
    return max(0.0, (newest - now()).total_seconds()) if newest else 0.0


def advice(found: dict[str, Any], *, has_gpu: bool) -> Iterator[str]:
    """The shortages, each with its way out."""
    if not found["compiler"]:
        yield "No C compiler was found, so C exports cannot be checked and are left out: install gcc, or set CC."
    if found["memory_bytes"] < LEAST_MEMORY_BYTES:
        yield (
            f"This machine has {found['memory_bytes'] / GIB:.1f} GiB of memory, and searches want "
            f"{LEAST_MEMORY_BYTES // GIB} GiB: set NASPORTAL_EVALUATORS=1, and search small networks."
        )
    if found["free_disk_bytes"] < LEAST_DISK_BYTES:
        yield (
            f"{found['free_disk_bytes'] / GIB:.1f} GiB of disk are free at {settings.DATA_DIR}: free some, or set "
            "NASPORTAL_DATA to a folder on a larger disk. Runs pause when the disk is full."
        )
    if found["clock_behind_seconds"] > CLOCK_SLACK.total_seconds():
        yield (
            f"The clock is {found['clock_behind_seconds']:.0f} s behind the newest row of the database: set it right "
            "(such as `timedatectl set-ntp true`) before you start the portal."
        )
    if not has_gpu:
        yield (
            "No GPU was found, so searches train on the CPU. If there is one, install its driver and a CUDA build of "
            "torch."
        )

"""`manage.py doctor`: what the portal stands on, for a bug report or a first look."""

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from argparse import ArgumentParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from nasportal.lib import file_storage
from nasportal.setup import newcomer
from nasportal.setup.prepare import missing_migrations, say
from searches.engine.executors import gpu_slots
from searches.spec import SearchSpec

PACKAGES = [
    "Django",
    "channels",
    "daphne",
    "django-q2",
    "djangorestframework",
    "django-htmx",
    "numpy",
    "scikit-learn",
    "onnx",
    "onnxruntime",
    "plotly",
]

# In a child process: this one never imports torch, and a broken build may abort.
TORCH_PROBE = """
import json, torch
build = {"version": torch.__version__, "threads": torch.get_num_threads(), "cuda_build": torch.version.cuda}
build["devices"] = ["cpu"] + [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
print(json.dumps(build))
"""


class Command(BaseCommand):
    """Examines versions, torch build, devices, database, folders, Chromium."""

    help = (
        "Shows versions, torch build, devices, database, writable folders, Chromium; exit 2 where something is missing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the option that says how the findings are shown."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        """Exit 0 where the portal can work here."""
        found = {
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.release()} {platform.machine()}, {settings.CORES} cores",
            "packages": {name: _version(name) for name in PACKAGES},
            "torch": torch_build(),
            "gpus": evaluators_on_gpus(),
            "sqlite": sqlite3.sqlite_version,
            "database": database(),
            "redis": redis(),
            "storage": shared_storage(),
            "folders": {str(path): is_writable(path) for path in (settings.DATA_DIR, Path("/tmp"))},
            **newcomer.facts(),
            "chromium": shutil.which("chromium") or shutil.which("chromium-browser") or "",
        }
        faults = faults_of(found)
        advice = list(newcomer.advice(found, has_gpu=len(found["torch"].get("devices", ())) > 1))
        if as_json:
            print(json.dumps(found | {"faults": faults, "advice": advice}, indent=1))
        else:
            print("\n".join(lines_of(found)))
        for sentence in (*faults, *advice):
            say(sentence)
        sys.exit(2 if faults else 0)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def torch_build() -> dict[str, Any]:
    """Version and devices as torch itself reports them; an error where it cannot be imported."""
    probe = subprocess.run([sys.executable, "-c", TORCH_PROBE], capture_output=True, text=True, timeout=120)
    if probe.returncode:
        return {"error": (probe.stderr.strip().splitlines() or [f"exit code {probe.returncode}"])[-1]}
    return dict(json.loads(probe.stdout))


def evaluators_on_gpus() -> str:
    """Returns how many evaluators each GPU of this machine holds; nothing where they train on the CPU."""
    try:
        found = gpu_slots.available_slots(SearchSpec().training_memory_bytes)
    except gpu_slots.PlacementError as error:
        return f"error: {error}"
    return "" if found is None else ", ".join(f"{count} on {gpu}" for gpu, count in found.held.items())


def database() -> str:
    """Says which database is used, and whether it answers. One in SQLite that does not exist yet is not made."""
    if connection.vendor == "sqlite" and not Path(settings.DATABASES["default"]["NAME"]).exists():
        return "sqlite, not made yet"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            journal = cursor.execute("PRAGMA journal_mode").fetchone()[0] if connection.vendor == "sqlite" else ""
            if connection.vendor == "postgresql":
                cursor.execute("SHOW server_version")
                journal = f"{cursor.fetchone()[0]}, {missing_migrations()} migrations missing"
    except DatabaseError as error:
        return f"error: {' '.join(str(error).split())}"
    return f"{connection.vendor} answers {journal}".strip()


def redis() -> str:
    """Returns whether the channel layer and cache of the scaled set-up answer; nothing where none is configured."""
    if not settings.REDIS_URL:
        return ""
    from redis import Redis, RedisError

    try:
        server = Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)
        return f"answers, version {server.info('server')['redis_version']}"
    except (RedisError, ValueError) as error:
        return f"error: {' '.join(str(error).split())}"


def shared_storage() -> str:
    """Returns whether NASPORTAL_STORAGE keeps a file and gives it back; nothing where the data folder is shared."""
    storage = file_storage.shared()
    if storage is None:
        return ""
    errors: tuple[type[Exception], ...] = (OSError,)
    if settings.SHARED_STORAGE.startswith("s3:"):
        from botocore.exceptions import BotoCoreError, ClientError

        errors = (OSError, BotoCoreError, ClientError)
    content = os.urandom(16)
    try:
        name = storage.save(f"doctor-{content.hex()}", ContentFile(content))
        with storage.open(name) as stream:
            is_same = stream.read() == content
        storage.delete(name)
    except errors as error:
        return f"error: {' '.join(str(error).split())}"
    return "keeps files and gives them back" if is_same else "error: it gave back other bytes than it was given"


def is_writable(path: Path) -> bool:
    """Returns whether files can be made there; for a folder that is not there yet, whether it can be made."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def faults_of(found: dict[str, Any]) -> list[str]:
    """Returns what keeps the portal from working, each in a sentence."""
    faults = [
        f"{name} is not installed: run `make install`." for name, found_ in found["packages"].items() if not found_
    ]
    if "error" in found["torch"]:
        faults.append(f"torch cannot be used ({found['torch']['error']}): run `make install`.")
    if found["gpus"].startswith("error"):
        faults.append(f"Evaluators find no place ({found['gpus']}).")
    if found["database"].startswith("error"):
        faults.append(f"The database does not answer ({found['database']}): see DATABASE_URL.")
    if found["redis"].startswith("error"):
        faults.append(
            f"Redis does not answer ({found['redis']}): see REDIS_URL. Until it does, rate limits count nothing."
        )
    if found["storage"].startswith("error"):
        faults.append(f"The storage does not work ({found['storage']}): see NASPORTAL_STORAGE.")
    faults += [f"{path} cannot be written." for path, writable in found["folders"].items() if not writable]
    return faults


def lines_of(found: dict[str, Any]) -> list[str]:
    """Writes the findings as lines of text."""
    torch = found["torch"]
    build = torch.get("error") or (
        f"{torch['version']}, {'CUDA ' + torch['cuda_build'] if torch['cuda_build'] else 'CPU build'}, "
        f"{torch['threads']} threads; devices: {', '.join(torch['devices'])}"
    )
    rows = [
        ("Python", found["python"]),
        ("Machine", found["machine"]),
        ("torch", build),
        ("Evaluators", found["gpus"] or "on the CPU, or where torch finds a device"),
        *found["packages"].items(),
        ("SQLite", found["sqlite"]),
        ("Database", found["database"]),
        ("Redis", found["redis"] or "not configured; not needed on one machine"),
        ("Storage", found["storage"] or "the data folder, shared by all machines"),
        *((path, "can be written" if writable else "cannot be written") for path, writable in found["folders"].items()),
        ("C compiler", found["compiler"] or "not found"),
        ("Memory", f"{found['memory_bytes'] / newcomer.GIB:.1f} GiB"),
        ("Free disk", f"{found['free_disk_bytes'] / newcomer.GIB:.1f} GiB at the data folder"),
        ("Chromium", found["chromium"] or "not found; browser tests are skipped"),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]

"""The portal in one file: the database as of one moment, all files that it names, and the sha256 of each.

The secret key stays where it is: who has it may run code here. A restored portal makes a new one; people sign in
again, and nothing else is lost.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from nasportal.lib.installation import portal_version

FORMAT = {"format": "nas-portal/backup", "version": 1}
MANIFEST = "manifest.json"
DATABASE = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
REBUILT = {"log", "places", "static", "secret_key", "portal.lock", "cache", "backups"}  # and the files of the database


class BackupError(Exception):
    """The reason why nothing was saved or put back, in one sentence."""


def save(target: Path) -> dict[str, Any]:
    """Writes the archive, under its name only when it is complete; answers with its manifest.

    Raises BackupError for a target within the data folder, which each further backup would contain.
    """
    if target.resolve().is_relative_to(settings.DATA_DIR.resolve()):
        raise BackupError(f"{target} is inside the data folder {settings.DATA_DIR}: name a file outside it.")
    partial = target.with_name(target.name + ".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # The rows first: a file is there before the row that names it, so each named file gets in.
            # Runs share files by hard links: each is to be whole in the archive.
            with tarfile.open(fileobj=file, mode="w", dereference=True) as archive:
                manifest = _fill(archive)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def _fill(archive: tarfile.TarFile) -> dict[str, Any]:
    files: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="nasportal-") as folder:
        database = Path(folder, DATABASE[connection.vendor])
        dump(database)
        _add(archive, database, database.name, files)
    for path in _saved_files(settings.DATA_DIR):
        _add(archive, path, f"data/{path.relative_to(settings.DATA_DIR).as_posix()}", files)
    facts = {"portal": portal_version(), "created": now().isoformat(), "data_folder": str(settings.DATA_DIR.resolve())}
    manifest = FORMAT | facts | {"files": files}
    text = json.dumps(manifest, indent=1).encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size = len(text)
    archive.addfile(member, BytesIO(text))
    return manifest


def _saved_files(data: Path) -> Iterator[Path]:
    rows = Path(settings.DATABASES["default"]["NAME"]).name  # with SQLite, files beside it begin with its name
    for path in sorted(data.rglob("*")):
        top = path.relative_to(data).parts[0]
        is_saved = path.is_file() and not path.is_symlink() and top not in REBUILT and not top.startswith(rows)
        if is_saved and not is_backup(path):
            yield path


def is_backup(path: Path) -> bool:
    """Tell whether a file is a backup of a portal, or the beginning of one that was cut off, whatever its name."""
    if not _begins_as_backup(path):
        return False
    try:
        return manifest_of(path) is not None
    except tarfile.TarError:
        return True  # it begins as one of ours and ends too early


def _begins_as_backup(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if file.read(512)[257:262] != b"ustar":  # most files end here, without a look into them
                return False
        with tarfile.open(path, mode="r:") as archive:
            first = archive.next()
    except (OSError, tarfile.TarError):
        return False
    return first is not None and first.name in DATABASE.values()


def manifest_of(path: Path) -> dict[str, Any] | None:
    """Read the manifest of a complete backup; None where there is none. Raises tarfile.TarError for a cut one."""
    with tarfile.open(path, mode="r:") as archive:
        names = archive.getnames()
        member = archive.extractfile(MANIFEST) if names and names[-1] == MANIFEST else None
        found = json.loads(member.read()) if member else None
    return found if isinstance(found, dict) and found.get("format") == FORMAT["format"] else None


def verify(path: Path) -> None:
    """Read a backup again and compare each file with its sha256. Raises BackupError where one differs."""
    manifest = manifest_of(path)
    if manifest is None:
        raise BackupError(f"{path} has no manifest.")
    with tarfile.open(path, mode="r:") as archive:
        for name, expected in manifest["files"].items():
            member = archive.extractfile(name)
            if member is None or hashlib.file_digest(member, "sha256").hexdigest() != expected:  # type: ignore[arg-type]
                raise BackupError(f"The backup is damaged: {name} is not what was saved.")


def delete_older(newest: Path, keep: int) -> list[Path]:
    """Delete the older backups of this data folder beside a verified one; `keep` stay, the newest among them."""
    verify(newest)
    found = [(_created(path), path) for path in newest.parent.iterdir() if path.is_file() and path != newest]
    older = [path for created, path in sorted(found, reverse=True) if created]
    gone = older[keep - 1 :]
    for path in gone:
        path.unlink()
    return gone


def _created(path: Path) -> str:
    """Returns when a complete backup of this data folder was made; empty for every other file."""
    try:
        manifest = manifest_of(path) if _begins_as_backup(path) else None
    except (tarfile.TarError, OSError, ValueError):
        return ""
    is_ours = manifest is not None and manifest.get("data_folder") == str(settings.DATA_DIR.resolve())
    return str(manifest["created"]) if manifest and is_ours else ""


def _add(archive: tarfile.TarFile, path: Path, name: str, files: dict[str, str]) -> None:
    try:
        with path.open("rb") as file:
            member = archive.gettarinfo(arcname=name, fileobj=file)
            reader = _Hashing(file)
            archive.addfile(member, reader)
            files[name] = reader.sha256.hexdigest()
    except FileNotFoundError:
        return  # swept, or renamed to its final name, since the folder was listed


class _Hashing:
    """Reads a file for an archive, and hashes what went in."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        chunk = self.file.read(size)
        self.sha256.update(chunk)
        return chunk


def dump(target: Path) -> None:
    """The database as of one moment, in a file. Raises BackupError where there is none, or pg_dump is missing."""
    if connection.vendor == "sqlite":
        source = Path(settings.DATABASES["default"]["NAME"])
        if not source.exists():
            raise BackupError(f"There is no portal in {settings.DATA_DIR}: set NASPORTAL_DATA to its data folder.")
        # SQLite's own backup: one consistent moment, while the portal goes on writing.
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        return
    _postgresql("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def restore(source: Path) -> dict[str, Any]:
    """Puts an archive back into an empty data folder (and an empty database); checks every byte before it counts."""
    data: Path = settings.DATA_DIR
    _demand_empty(data)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=data) as name:
        folder = Path(name)
        manifest = _unpack(source, folder)
        _check(folder, manifest["files"])
        _put_back(folder)
        for path in (folder / "data").iterdir() if (folder / "data").exists() else ():
            path.rename(data / path.name)
    return manifest


def _demand_empty(data: Path) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = sorted(path.name for path in data.iterdir() if path.name not in REBUILT)
    if there:
        raise BackupError(f"{data} is not empty ({there[0]} is there): set NASPORTAL_DATA to a new folder.")
    if connection.vendor != "sqlite" and connection.introspection.table_names():
        raise BackupError("The database at DATABASE_URL is not empty: name a new one.")


def _unpack(source: Path, folder: Path) -> dict[str, Any]:
    try:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")  # refuses absolute names, .., links and devices
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (OSError, tarfile.TarError, ValueError) as error:
        raise BackupError(f"{source} is no backup of a portal, or is incomplete: {error}.") from error
    if manifest.get("format") != FORMAT["format"] or manifest.get("version") != FORMAT["version"]:
        raise BackupError(f"{source} is not a backup of version {FORMAT['version']}.")
    return manifest


def _check(folder: Path, files: Mapping[str, str]) -> None:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    for name in sorted(there ^ set(files)):
        raise BackupError(
            f"The backup is damaged: {PurePosixPath(name)} is {'not listed' if name in there else 'missing'}."
        )
    for name, expected in files.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                raise BackupError(f"The backup is damaged: {name} has changed since it was saved.")


def _put_back(folder: Path) -> None:
    dump = folder / DATABASE[connection.vendor]
    if not dump.exists():
        kind = next(kind for kind, name in DATABASE.items() if (folder / name).exists())
        raise BackupError(f"The backup holds a {kind} database: set DATABASE_URL to one of that kind.")
    if connection.vendor == "sqlite":
        dump.rename(settings.DATABASES["default"]["NAME"])
    else:
        _postgresql("pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", str(dump))


def _postgresql(program: str, *arguments: str) -> None:
    """pg_dump or pg_restore, with the address in the environment: a password on a command line can be read by all."""
    if shutil.which(program) is None:
        raise BackupError(f"{program} is not installed: install PostgreSQL's client programs.")
    database = settings.DATABASES["default"]
    places = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    told = {variable: str(database[key]) for variable, key in places.items() if database.get(key)}
    name = [f"--dbname={database['NAME']}"] if program == "pg_restore" else []
    ended = subprocess.run([program, *name, *arguments], env=os.environ | told, capture_output=True, text=True)
    if ended.returncode:
        raise BackupError(f"{program} failed: {' '.join(ended.stderr.split())}")

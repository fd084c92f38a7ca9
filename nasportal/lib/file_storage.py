"""Files that other machines need, too, in the storage that NASPORTAL_STORAGE names; the data folder is then a cache.

Without that setting the data folder is shared by all machines, and nothing in here does anything. A kept file is stored
under its path below the data folder and its sha256: what is fetched is checked by its name, and a late write of a
machine that lost its lease cannot take the place of another file.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import get_ident

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

ALIAS = "shared"  # in STORAGES
PIECE = 1 << 20
KEPT = re.compile(r"(?P<name>.+)\.(?P<sha256>[0-9a-f]{64})")


class StoredFileDamaged(ValueError):
    """What came out of the storage is not what went in."""


def shared() -> Storage | None:
    """The storage, where the machines do not share the data folder."""
    return storages[ALIAS] if ALIAS in settings.STORAGES else None


def keep(path: Path, *, sha256: str = "") -> None:
    """A file, or all files of a folder. Comes before the row that names it; a file that is there is not sent again."""
    storage = shared()
    if storage is None:
        return
    for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if each.is_file():
            name = f"{named(each)}.{sha256 or sha256_of(each)}"
            if not storage.exists(name):
                with each.open("rb") as stream:
                    storage.save(name, File(stream))


def fetch(path: Path, *, sha256: str = "") -> Path:
    """The path, whose file is on this machine afterwards if it was ever kept; the hash says which one of its name."""
    storage = shared()
    if storage is None or is_here(path, sha256):
        return path
    digest = sha256 or next((digest for name, digest in listed(storage, path.parent) if name == path.name), "")
    name = f"{named(path)}.{digest}"
    if digest and storage.exists(name):
        download(storage, name, path, digest)
    return path


def fetch_folder(folder: Path) -> Path:
    """A folder with all files that were kept of it; each is whole, and what is here already is not fetched again."""
    storage = shared()
    if storage is not None:
        for name, digest in listed(storage, folder):
            if not (folder / name).exists():
                download(storage, f"{named(folder / name)}.{digest}", folder / name, digest)
    return folder


def remove(path: Path, *, sha256: str = "") -> None:
    """Removes what is kept of a file, this one or all of its name, or of a folder and all below it."""
    storage = shared()
    if storage is None:
        return
    if sha256:
        storage.delete(f"{named(path)}.{sha256}")
        return
    for name, digest in listed(storage, path.parent):
        if name == path.name:
            storage.delete(f"{named(path)}.{digest}")
    remove_below(storage, named(path))


def remove_below(storage: Storage, place: str) -> None:
    folders, files = entries(storage, place)
    for name in files:
        storage.delete(f"{place}/{name}")
    for name in folders:
        remove_below(storage, f"{place}/{name}")


def is_here(path: Path, sha256: str) -> bool:
    return path.is_file() and (not sha256 or sha256_of(path) == sha256)


def listed(storage: Storage, folder: Path) -> Iterator[tuple[str, str]]:
    """Names and hashes of what is kept of a folder, without its subfolders."""
    _, files = entries(storage, named(folder))
    for name in sorted(files):
        if found := KEPT.fullmatch(name):
            yield found["name"], found["sha256"]


def entries(storage: Storage, place: str) -> tuple[list[str], list[str]]:
    try:
        return storage.listdir(place)
    except FileNotFoundError:  # a folder storage says so; S3 knows no folders and lists nothing
        return [], []


def download(storage: Storage, name: str, path: Path, sha256: str) -> None:
    """Downloads a file whole or not at all. Raises StoredFileDamaged where its sha256 is not the given one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    found = hashlib.sha256()
    try:
        with storage.open(name) as source, temporary.open("wb") as target:
            while piece := source.read(PIECE):
                found.update(piece)
                target.write(piece)
        if found.hexdigest() != sha256:
            raise StoredFileDamaged(
                f"{named(path)} came out of the storage with sha256 {found.hexdigest()[:12]}…, but went in with "
                f"{sha256[:12]}…; delete that object, and the portal makes it again"
            )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def named(path: Path) -> str:
    """Its name in the storage: the path below the data folder."""
    return path.relative_to(settings.DATA_DIR).as_posix()


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

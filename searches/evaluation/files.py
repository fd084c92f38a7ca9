"""Files that a database row will name: whole or absent, and known by their sha256."""

import hashlib
import os
from pathlib import Path

from nasportal.lib.crash_points import crash_point


class FileDamaged(ValueError):
    """A stored file is not the one that was written."""


class NotWritten(OSError):
    """The folder takes no file: it is full, read-only, or no folder any more."""


def write_file(path: Path, content: bytes) -> str:
    """Writes a file whole or not at all and returns its sha256. Raises NotWritten where the disk refuses it."""
    try:
        place(path, content)
    except OSError as fault:
        way_out = f"resume the run once {path.parent} takes files again"
        raise NotWritten(f"{path.name} cannot be written ({fault.strerror or fault}): {way_out}") from fault
    return hashlib.sha256(content).hexdigest()


def place(path: Path, content: bytes) -> None:
    """Temporary name, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            crash_point("checkpoint-write")
            stream.flush()
            os.fsync(stream.fileno())
        crash_point("checkpoint-rename")
        temporary.replace(path)
        crash_point("checkpoint-renamed")
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_file(path: Path, sha256: str) -> bytes:
    """Reads a file with this sha256. Raises FileDamaged where it is missing or has another one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileDamaged(f"{path.name} is missing; evaluate the candidate again") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise FileDamaged(f"{path.name} has sha256 {found[:12]}…, but {sha256[:12]}… was stored; evaluate it again")
    return content

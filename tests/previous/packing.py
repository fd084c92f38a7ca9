"""A data folder as one small file, with nothing in it that is secret, of this machine, or of today."""

import gzip
import io
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data.tar.gz"
FACTS = Path(__file__).parent / "data.json"
DATABASE = "nasportal.sqlite3"
LEFT_OUT = ("secret_key", "question.json", f"{DATABASE}-wal", f"{DATABASE}-shm")  # a question holds absolute paths
EMPTIED = (
    "accounts_apitoken",
    "accounts_auditentry",
    "accounts_loginfailure",
    "accounts_loginlink",
    "django_q_ormq",
    "django_q_schedule",
    "django_q_task",
    "django_session",
)
MTIME = 1_750_000_000  # of every file in the archive


def pack(data: Path) -> None:
    clean(data / DATABASE)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in kept(data):
            info = tarfile.TarInfo(path.relative_to(data).as_posix())
            info.size, info.mtime = path.stat().st_size, MTIME
            archive.addfile(info, io.BytesIO(path.read_bytes()))
    DATA.write_bytes(gzip.compress(packed.getvalue(), mtime=0))


def clean(database: Path) -> None:
    """No sessions, tokens or queue rows, not even as bytes of pages that are no longer used."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for table in EMPTIED:
            connection.execute(f"DELETE FROM {table}")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def kept(data: Path) -> Iterator[Path]:
    for path in sorted(data.rglob("*")):
        if path.is_file() and path.suffix != ".log" and path.name not in LEFT_OUT:
            yield path


def unpack(data: Path) -> None:
    with tarfile.open(DATA) as archive:
        archive.extractall(data, filter="data")


def rows(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        count: Any = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
    return int(count)

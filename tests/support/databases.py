"""The suite's own database; PostgreSQL for a test, where it is: new, empty, gone afterwards; else a visible skip."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.postgresql.operations import DatabaseOperations

FOLDER = tempfile.TemporaryDirectory(prefix="nasportal-tests-")  # of this process; gone with it
SERVER = "postgres://postgres@127.0.0.1:5432"


@contextlib.contextmanager
def new_postgresql() -> Iterator[str]:
    """The address of a database of the caller's own on this machine's server."""
    try:
        server = psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL server at 127.0.0.1:5432 lets `postgres` in: {str(error).splitlines()[0]}")
    name = f"nasportal_{uuid4().hex[:12]}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{SERVER}/{name}"
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def keep_sqlite_in_a_file() -> None:
    """As a portal has it. In memory, connections of two threads share a cache, and there a writer that meets a reader
    is refused at once ("database table is locked") instead of waiting. A power cut may take its rows.
    """
    if connection.vendor == "sqlite":
        connections.settings["default"]["TEST"]["NAME"] = str(Path(FOLDER.name) / "nasportal.sqlite3")
        connections.settings["default"]["OPTIONS"] = settings.SQLITE_OPTIONS | {
            "init_command": f"{settings.SQLITE_OPTIONS['init_command']}; PRAGMA synchronous=OFF"
        }


def hurry_postgresql() -> None:
    """For a suite on PostgreSQL: a power cut may take its rows, and tables are emptied row by row.

    TRUNCATE makes new files for each of our tables and indexes, a second or two for every test that commits; the few
    rows of a test are deleted in ten milliseconds.
    """
    if connection.vendor == "postgresql":
        connections.settings["default"]["OPTIONS"]["options"] = "-c synchronous_commit=off"
        DatabaseOperations.sql_flush = sql_delete  # type: ignore[method-assign]
        DatabaseCreation._destroy_test_db = drop  # type: ignore[method-assign]


def drop(self: DatabaseCreation, test_database_name: str, verbosity: int) -> None:
    """A thread of a socket's test may still be connected."""
    with self._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {self.connection.ops.quote_name(test_database_name)} WITH (FORCE)")


def sql_delete(self: DatabaseOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
    """All foreign keys of Django's tables are deferrable, so the order does not matter."""
    rows = [f"{style.SQL_KEYWORD('DELETE FROM')} {self.quote_name(table)}" for table in tables]
    return ["SET CONSTRAINTS ALL DEFERRED", *rows] if rows else []

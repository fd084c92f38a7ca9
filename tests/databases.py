"""PostgreSQL for a test, where it is: a new, empty database that is gone afterwards; a visible skip where it is not."""

import contextlib
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

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

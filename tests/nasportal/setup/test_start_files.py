"""The files that a start needs: a damaged database is one sentence, an empty secret key is replaced."""

import os
import sqlite3
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nasportal.setup import prepare
from tests.support.portal import MANAGE, free_port


def up(data: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "NASPORTAL_DATA": str(data), "PORT": str(free_port())}
    return subprocess.run([*MANAGE, "up"], env=environment, capture_output=True, text=True, timeout=120)


def test_a_file_that_is_no_database_is_one_sentence(data: Path) -> None:
    (data / "nasportal.sqlite3").write_text("this is no database, and long enough to be looked at" * 40)
    ended = up(data)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"The database {data}/nasportal.sqlite3 is damaged (file is not a database): "
        "move it away and put back a backup.\n"
    )


def test_damaged_pages_are_one_sentence(data: Path) -> None:
    path = data / "nasportal.sqlite3"
    with closing(sqlite3.connect(path)) as rows, rows:
        rows.execute("CREATE TABLE some (thing)")
        rows.executemany("INSERT INTO some VALUES (?)", [("x" * 500,) for _ in range(2_000)])
    pages = bytearray(path.read_bytes())
    pages[4096 * 3 : 4096 * 40] = b"\xff" * (4096 * 37)
    path.write_bytes(pages)
    ended = up(data)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"The database {path} is damaged (")
    assert ended.stderr.count("\n") == 1


def test_an_empty_secret_key_is_replaced_and_logged_once(
    data: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRET_KEY_FILE = data / "secret_key"
    settings.SECRET_KEY_FILE.touch()
    prepare.make_data_folder()
    key = settings.SECRET_KEY_FILE.read_text()
    prepare.make_data_folder()
    assert len(key) >= 50
    assert settings.SECRET_KEY_FILE.read_text() == key
    assert [record.getMessage() for record in caplog.records] == [
        f"{data}/secret_key was empty and has a new key: everybody has to sign in again."
    ]
    assert stat.S_IMODE(settings.SECRET_KEY_FILE.stat().st_mode) == 0o600
    assert not list(data.glob("*.part"))


def test_settings_can_be_read_beside_an_empty_secret_key(data: Path) -> None:
    (data / "secret_key").touch()
    environment = {"PATH": os.environ["PATH"], "NASPORTAL_DATA": str(data)}
    ended = subprocess.run([*MANAGE, "check"], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr

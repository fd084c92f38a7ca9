"""`manage.py move`: all rows in another database, with their ids, moments and hashes."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import new_postgresql
from tests.support.portal import MANAGE

# In a process of its own: the test database is another one.
FILL = """
import django, json, tempfile
django.setup()
from pathlib import Path
from django.conf import settings
from tests.support import world
from searches import services
alice = world.user("alice")
project = services.project_create(owner=alice, name="Digits on a phone")
run = services.run_create(project=project, spec=world.spec(), name="finished", by=alice)
world.work(run)
"""
LOOK = """
import django, json
django.setup()
from searches.models import SearchRun
from searches.selectors.history import history_of
run = SearchRun.objects.get()
again = SearchRun.objects.create(project=run.project, name="next", spec={})
print(json.dumps([run.history_sha256, run.created.isoformat(), len(history_of(run)), again.pk - run.pk]))
"""


def python(code: str, data: Path, **more: str) -> str:
    plain = {"PATH": os.environ["PATH"], "NASPORTAL_DATA": str(data), "DJANGO_SETTINGS_MODULE": "nasportal.settings"}
    ended = subprocess.run([MANAGE[0], "-c", code], env=plain | more, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def manage(data: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    plain = {"PATH": os.environ["PATH"], "NASPORTAL_DATA": str(data)}
    return subprocess.run([*MANAGE, *argv], env=plain, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a portal with a finished run."""
    data = tmp_path_factory.mktemp("moving") / "var"
    data.mkdir()
    assert manage(data, "migrate", "--verbosity", "0").returncode == 0
    python(FILL, data)
    return data


@pytest.fixture
def postgresql() -> Iterator[str]:
    with new_postgresql() as address:
        yield address


@pytest.mark.slow
def test_postgresql_gets_every_row_and_goes_on_behind_them(filled: Path, postgresql: str) -> None:
    ended = manage(filled, "move", postgresql)
    assert ended.returncode == 0, ended.stderr
    assert "are in the new database. Set DATABASE_URL to its address" in ended.stderr
    with sqlite3.connect(filled / "nasportal.sqlite3") as rows:
        (sha256,) = rows.execute("SELECT history_sha256 FROM searches_searchrun").fetchone()
    there = json.loads(python(LOOK, filled, DATABASE_URL=postgresql))
    assert there[0] == sha256
    assert there[2:] == [12, 1]
    again = manage(filled, "move", postgresql)
    assert again.returncode == 2
    assert "The database at the new address is not empty" in again.stderr


@pytest.mark.slow
def test_a_move_from_sqlite_to_sqlite_keeps_the_moments(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "other.sqlite3"
    assert manage(filled, "move", f"sqlite:///{target}").returncode == 0
    moments = "SELECT created, finished FROM searches_searchrun ORDER BY id LIMIT 1"
    with sqlite3.connect(filled / "nasportal.sqlite3") as here, sqlite3.connect(target) as there:
        assert here.execute(moments).fetchall() == there.execute(moments).fetchall()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("foo://host/name", "The new address must look like postgres://user:password@host:5432/name."),
        ("postgres://user@host:port/name", "The new address must look like postgres://user:password@host:5432/name."),
        ("nonsense", "The new address must look like postgres://user:password@host:5432/name."),
        ("postgres://nobody@127.0.0.1:1/none", "The database at the new address refused: "),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(filled: Path, address: str, sentence: str) -> None:
    ended = manage(filled, "move", address)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr

"""An upgrade: the rows are saved before they are migrated, and a database of a newer version is refused."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from nasportal.backup import before_upgrade
from nasportal.lib.installation import portal_version
from nasportal.setup import prepare
from tests.support.portal import MANAGE, running_portal
from tests.support.world import World


def test_a_database_of_this_version_needs_no_copy(world: World) -> None:
    assert before_upgrade.rows_save() is None


def test_a_newer_database_is_refused_in_a_sentence(world: World) -> None:
    MigrationRecorder(connection).record_applied("searches", "0999_of_tomorrow")
    with pytest.raises(prepare.Unprepared) as refused:
        prepare.demand_known_schema()
    assert str(refused.value) == (
        f"A newer version of NAS Portal has changed this database (searches 0999_of_tomorrow), and this is "
        f"{portal_version()}: install the newer version, or put back a backup of before the upgrade."
    )


def test_what_another_app_has_recorded_does_not_matter(world: World) -> None:
    MigrationRecorder(connection).record_applied("left_over", "0001_initial")
    prepare.demand_known_schema()


@pytest.mark.slow
def test_up_saves_an_older_database_and_says_where(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.mkdir()
    environment = {"PATH": os.environ["PATH"], "NASPORTAL_DATA": str(data)}
    older = [*MANAGE, "migrate", "--verbosity", "0", "searches", "0007_stage"]
    assert subprocess.run(older, env=environment, timeout=120).returncode == 0
    with running_portal(data) as portal:
        said = portal.said()
    (copy,) = (data / "backups").iterdir()
    assert f"This version changes the database; a copy of how it was is in {copy}." in said
    assert copy.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(copy)) as rows, closing(sqlite3.connect(data / "nasportal.sqlite3")) as now:
        count = "SELECT count(*) FROM django_migrations WHERE app = 'searches'"
        assert rows.execute(count).fetchone()[0] == 7 < now.execute(count).fetchone()[0]
    with running_portal(data):
        assert len(list((data / "backups").iterdir())) == 1

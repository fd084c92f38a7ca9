"""The scaled set-up, PostgreSQL and Redis; skipped, and said so, where they are not installed."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import psycopg
import pytest
import redis

from tests.support.databases import SERVER, new_postgresql
from tests.support.portal import MANAGE, Portal, free_port, running_portal, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with new_postgresql() as address:
        yield address


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of this test's own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    folder = tmp_path_factory.mktemp("redis")
    server = subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--dir", str(folder)], stdout=subprocess.DEVNULL
    )
    client = redis.Redis(port=port)

    def answers() -> bool:
        with contextlib.suppress(redis.ConnectionError):
            return bool(client.ping())
        return False

    try:
        wait_until(answers)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def portal(postgresql: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    data = tmp_path_factory.mktemp("scaled") / "var"
    with running_portal(data, DATABASE_URL=postgresql, REDIS_URL=redis_url) as portal:
        yield portal


def test_the_portal_runs_on_postgresql_and_redis(portal: Portal, redis_url: str) -> None:
    with urlopen(f"{portal.address}/readyz", timeout=10) as answer:
        assert answer.status == 200
    with urlopen(portal.link, timeout=10) as page:
        assert page.status == 200
    wait_until(lambda: "searches.tasks.canary" in portal.log("cluster"))
    assert not list(portal.data.glob("*.sqlite3"))
    assert redis.Redis.from_url(redis_url).dbsize() > 0  # django-q2 tells its state in the shared cache


def test_a_second_machine_joins_and_leaves(portal: Portal) -> None:
    worker = subprocess.Popen([*MANAGE, "worker"], env=portal.environment, stderr=subprocess.PIPE, text=True)
    assert worker.stderr is not None
    assert "Working for the portal" in worker.stderr.readline()
    time.sleep(3)
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(20) == 0
    assert "The worker has stopped." in worker.stderr.read()


def test_postgresql_is_saved_and_put_back(portal: Portal, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    ended = subprocess.run([*MANAGE, "backup", str(saved)], env=portal.environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    name = f"nasportal_{uuid4().hex[:12]}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            place = {"NASPORTAL_DATA": str(tmp_path / "new"), "DATABASE_URL": f"{SERVER}/{name}"}
            argv = [*MANAGE, "restore", str(saved)]
            ended = subprocess.run(argv, env=portal.environment | place, capture_output=True, text=True)
            assert ended.returncode == 0, ended.stderr
            with psycopg.connect(f"{SERVER}/{name}") as rows:
                assert rows.execute("SELECT username FROM auth_user").fetchall() == [("admin",)]
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_an_archive_of_one_kind_of_database_is_not_put_into_another(portal: Portal, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    subprocess.run([*MANAGE, "backup", str(saved)], env=portal.environment, check=True, capture_output=True)
    plain = {name: value for name, value in portal.environment.items() if name != "DATABASE_URL"}
    place = plain | {"NASPORTAL_DATA": str(tmp_path / "new")}
    ended = subprocess.run([*MANAGE, "restore", str(saved)], env=place, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "The backup holds a postgresql database: set DATABASE_URL to one of that kind." in ended.stderr

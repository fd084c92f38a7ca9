"""The database may be away: programs and people are told so at once, and what was running goes on afterwards."""

import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from searches import services
from searches.live.event_tail import look
from tests.chaos.relay import relay_to
from tests.chaos.stopped import END_ONE
from tests.nasportal.server.test_kills import SPEC, Program
from tests.searches.live.test_consumers import frame, in_database, watching
from tests.support.databases import new_postgresql
from tests.support.portal import running_portal, wait_until
from tests.support.world import World

SENTENCE = "The database is not available. Saved data is not lost. Try again in a minute."
SMALL = SPEC | {"evaluations": 5, "training": {"epochs": 1}}
AWAY_SECONDS = 6.0  # three leases


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
def test_a_database_that_does_not_answer_is_503_and_a_sentence(world: World, fault: type[Exception]) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.alice)

    def refuse(*args: Any) -> None:
        raise fault("connection refused: /var/run/secret")

    with connection.execute_wrapper(refuse):
        told = client.get("/api/v1/runs/")
        changed = client.post("/api/v1/projects/", {"name": "Lost"}, content_type="application/json")
        page = client.get("/")
    assert (told.status_code, told.json()) == (503, {"detail": SENTENCE})
    assert changed.status_code == 503
    assert page.status_code == 503
    assert "The database is not available" in page.content.decode()
    assert "secret" not in page.content.decode()
    assert client.get("/api/v1/runs/").status_code == 200  # still signed in


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
async def test_the_live_view_goes_on_when_the_database_answers_again(
    world: World, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 3

    def failing(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            raise fault("the connection is closed")
        return look(*arguments)

    monkeypatch.setattr("searches.live.event_tail.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("searches.live.event_tail.look", failing)
    async with watching(world.run, world.alice) as socket:
        assert (await frame(socket))["type"] == "snapshot"
        await in_database(services.run_pause)(run=world.run, by=world.alice)
        assert (await frame(socket))["payload"]["status"] == "paused"
    assert left < 0


def test_another_fault_stays_a_fault(world: World) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.alice)

    def broken(*args: Any) -> None:
        raise ValueError("ours")

    with connection.execute_wrapper(broken):
        assert client.get("/api/v1/runs/").status_code == 500


@pytest.mark.slow
def test_a_portal_outlives_its_stopped_postgresql_and_a_killed_transaction(tmp_path: Path) -> None:
    leases = {"NASPORTAL_LEASE_SECONDS": "2", "NASPORTAL_HEARTBEAT_SECONDS": "0.5", "NASPORTAL_CACHE_BYTES": "0"}
    with new_postgresql() as address, relay_to(5432) as wire:
        through = address.replace(":5432/", f":{wire.port}/")
        with running_portal(tmp_path / "var", DATABASE_URL=through, **leases) as portal:
            program = Program(portal)
            project = program.ask("projects/", {"name": "Away"})["slug"]

            def begun(name: str) -> str:
                run = program.ask("runs/", {"project": project, "name": name, "spec": SMALL})
                return f"runs/{run['id']}/"

            def reaches(run: str, count: int) -> None:
                wait_until(lambda: program.ask(run)["evaluations_done"] >= count, 120, portal.log("cluster")[-2000:])

            def end_of(run: str) -> str:
                wait_until(lambda: program.ask(run)["status"] == "finished", 120, portal.log("cluster")[-2000:])
                return str(program.ask(run)["history_sha256"])

            calm = end_of(begun("calm"))
            hurt = begun("hurt")
            reaches(hurt, 1)
            wire.tell("refuse")
            began = time.monotonic()
            for path in (f"/api/v1/{hurt}", "/readyz"):
                with pytest.raises(HTTPError) as refused:
                    program.ask(hurt) if path.startswith("/api") else urlopen(portal.address + path, timeout=10)
                assert refused.value.code == 503
            assert time.monotonic() - began < 2
            with urlopen(f"{portal.address}/healthz", timeout=10) as answer:
                assert answer.status == 200
            time.sleep(AWAY_SECONDS)
            wire.tell("heal")
            reaches(hurt, 2)
            with psycopg.connect(address, autocommit=True) as server:
                wait_until(lambda: server.execute(END_ONE).fetchone())
            assert end_of(hurt) == calm
            assert portal.process is not None
            assert portal.process.poll() is None

"""The courier of a running portal: it delivers, and a receiver that answers a byte at a time holds up no search."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.nasportal.server.test_kills import SPEC, Program
from tests.searches.services.test_notifications import Receiver, dripping, receiver  # noqa: F401  (a fixture)
from tests.support.portal import running_portal, wait_until

pytestmark = pytest.mark.slow


def wish(program: Program, url: str) -> None:
    request = Request(
        f"{program.portal.address}/api/v1/notices/",
        data=json.dumps({"webhook_url": url}).encode(),
        headers={"Authorization": f"Bearer {program.token}", "Content-Type": "application/json"},
        method="PUT",
    )
    with urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def told_of(program: Program, project: str, name: str) -> None:
    """A run that has ended, and whose end is to be told."""
    run = program.ask("runs/", {"project": project, "name": name, "spec": SPEC | {"evaluations": 100}})["id"]
    wait_until(lambda: program.ask(f"runs/{run}/")["status"] == "running", 60)
    program.ask(f"runs/{run}/cancel/", {})
    wait_until(lambda: program.ask(f"runs/{run}/")["status"] == "cancelled", 60)


def test_the_guard_delivers_and_a_dripping_receiver_holds_up_no_search(receiver: str, tmp_path: Path) -> None:  # noqa: F811
    with running_portal(tmp_path / "var", NASPORTAL_WEBHOOKS_INSIDE="1", NASPORTAL_RUNS_AT_ONCE="1") as portal:
        program = Program(portal)
        project = program.ask("projects/", {"name": "Told"})["slug"]
        with dripping() as drip:
            wish(program, drip)
            for number in range(4):
                told_of(program, project, f"dripped {number}")
        wish(program, receiver)
        told_of(program, project, "delivered")
        wait_until(lambda: any(json.loads(body)["name"] == "delivered" for _, body in Receiver.got), 120)
        assert "taken for broken" not in portal.log("guard")
        assert "searches.tasks.notify" not in portal.log("cluster")

"""`kill -9` during a search that was started through the portal: the history is the undisturbed one's, by its hash."""

import json
import re
import subprocess
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import psutil
import pytest

from tests.support.portal import MANAGE, Portal, running_portal, wait_until

pytestmark = pytest.mark.slow
SPEC = {
    "evaluations": 10,
    "seed": 7,
    "objectives": ["accuracy", "params", "flops"],
    "algorithm_options": {"population": 4},
    "training": {"epochs": 2},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the same search on the command line, without a portal."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "spec.json").write_text(json.dumps(SPEC))
    argv = [*MANAGE, "search", "--spec", str(folder / "spec.json"), "--out", str(folder / "out"), "--json"]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    return str(json.loads(ended.stdout)["history_sha256"])


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with running_portal(tmp_path / "var", NASPORTAL_LEASE_SECONDS="2", NASPORTAL_HEARTBEAT_SECONDS="0.5") as portal:
        yield portal


class Program:
    """Somebody's program, which talks to the API with a token made on the account page."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.cookies = CookieJar()
        browser = build_opener(HTTPCookieProcessor(self.cookies))
        browser.open(portal.link).read()
        page = f"{portal.address}/account/tokens/"
        secret = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.open(page).read().decode())
        assert secret is not None
        form = urlencode({"csrfmiddlewaretoken": secret[1], "name": "kills"}).encode()
        made = re.search(r"nasp_[\w-]{20,}", browser.open(page, form).read().decode())
        assert made is not None
        self.token = made[0]

    def ask(self, path: str, document: dict[str, Any] | None = None) -> Any:
        """GET, or POST where there is a document."""
        request = Request(
            f"{self.portal.address}/api/v1/{path}",
            data=json.dumps(document).encode() if document is not None else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=20) as answer:
            return json.load(answer)


def at_work(portal: Portal, module: str) -> list[psutil.Process]:
    """The portal's processes that were started as this module."""
    found = []
    for process in portal.processes():
        try:
            if module in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def test_any_process_may_be_killed_and_the_history_stays_the_same(portal: Portal, undisturbed: str) -> None:
    program = Program(portal)
    project = program.ask("projects/", {"name": "Kills"})
    run = program.ask("runs/", {"project": project["slug"], "name": "hurt", "spec": SPEC})["id"]

    def done() -> int:
        return int(program.ask(f"runs/{run}/")["evaluations_done"])

    def reaches(count: int) -> None:
        wait_until(lambda: done() >= count, 180, f"{done()} evaluations and no more\n{portal.log('cluster')[-2000:]}")

    reaches(1)
    engine = wait_until(lambda: at_work(portal, "searches.engine"))[0]
    engine.kill()

    reaches(3)
    wait_until(lambda: at_work(portal, "searches.evaluation.worker"))[0].kill()

    reaches(4)
    engine = wait_until(lambda: at_work(portal, "searches.engine"))[0]
    worker = engine.parent()
    assert worker is not None
    worker.kill()  # a django-q2 worker at work: its engine goes with it
    wait_until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE, 2)

    reaches(6)
    left = portal.kill()  # the supervisor of everything
    wait_until(lambda: not [process for process in left if process.is_running()], 5)
    portal.start()

    wait_until(lambda: program.ask(f"runs/{run}/")["status"] == "finished", 300)
    after = program.ask(f"runs/{run}/")
    assert after["evaluations_done"] == SPEC["evaluations"]
    assert after["history_sha256"] == undisturbed

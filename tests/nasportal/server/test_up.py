"""`manage.py up`, as a user meets it: started, signed in to, hurt, stopped."""

import http.client
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import psutil
import pytest

from tests.support.portal import MANAGE, Portal, free_port, running_portal, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal") / "var") as portal:
        yield portal


def browser() -> OpenerDirector:
    return build_opener(HTTPCookieProcessor())


def status(address: str) -> int:
    try:
        with browser().open(address, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def serves(portal: Portal) -> bool:
    try:
        return status(f"{portal.address}/healthz") == 200
    except (OSError, http.client.HTTPException):
        return False


def canaries(portal: Portal) -> int:
    return portal.log("cluster").count("searches.tasks.canary")


def test_its_folder_is_for_its_user_only(portal: Portal) -> None:
    assert stat.S_IMODE(portal.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((portal.data / "secret_key").stat().st_mode) == 0o600
    assert len((portal.data / "secret_key").read_text()) >= 50


@pytest.mark.chain(seconds=30)
def test_the_printed_link_signs_in_once(portal: Portal) -> None:
    first, second = browser(), browser()
    with first.open(portal.link) as page:
        assert page.status == 200
        assert "/login/" not in page.url
    with pytest.raises(HTTPError) as refused:
        second.open(portal.link)
    assert refused.value.code == 410
    assert "used already or has expired" in refused.value.read().decode()


def test_it_says_that_it_is_well_and_ready(portal: Portal) -> None:
    assert status(f"{portal.address}/healthz") == 200
    assert status(f"{portal.address}/readyz") == 200


def test_static_files_have_hashed_names_and_come_from_here(portal: Portal) -> None:
    with browser().open(f"{portal.address}/login/") as page:
        text = page.read().decode()
    assert "plotly.min." in text
    source = text.split('data-plotly="')[1].split('"')[0]
    with browser().open(portal.address + source) as script:
        assert "immutable" in script.headers["Cache-Control"]
        assert len(script.read()) > 1_000_000


def test_a_second_portal_on_the_same_data_is_refused(portal: Portal) -> None:
    other = subprocess.run([*MANAGE, "up", f"--port={free_port()}"], env=portal.environment, **CAPTURED)
    assert other.returncode == 2
    assert f"Another portal (process {portal.process.pid}) uses the data folder {portal.data}" in other.stderr


def test_a_killed_web_server_is_back_at_once(portal: Portal) -> None:
    portal.program("daphne").kill()
    wait_until(lambda: "web ended (signal SIGKILL)" in portal.said())
    wait_until(lambda: serves(portal))


def test_work_flows_again_after_an_idle_worker_was_killed(portal: Portal) -> None:
    wait_until(lambda: canaries(portal) > 0)
    sentinel = portal.program("nasportal.server.task_cluster").children()[0]
    before = [process.pid for process in portal.processes()]
    sentinel.children()[0].kill()
    wait_until(lambda: "cluster no longer takes work" in portal.said(), 60)
    seen = canaries(portal)
    wait_until(lambda: canaries(portal) > seen, 60)
    assert sentinel.pid in before
    assert not psutil.pid_exists(sentinel.pid)


@pytest.mark.parametrize("which", ["cluster", "sentinel", "pusher"])
def test_a_killed_part_of_the_cluster_leaves_no_orphan_and_is_replaced(portal: Portal, which: str) -> None:
    cluster = portal.program("nasportal.server.task_cluster")
    wait_until(lambda: cluster.children() and len(cluster.children()[0].children()) >= 4)
    time.sleep(2.5)  # the watchdog has to have seen the whole cluster
    sentinel = cluster.children()[0]
    members = [cluster, sentinel, *sentinel.children()]
    {"cluster": cluster, "sentinel": sentinel, "pusher": sentinel.children()[-1]}[which].kill()
    wait_until(lambda: not any(process.is_running() for process in members), 60)
    replaced = portal.program("nasportal.server.task_cluster")
    wait_until(lambda: replaced.children() and len(replaced.children()[0].children()) == len(members) - 2)


def test_sigterm_ends_everything_and_a_second_start_is_quick(tmp_path: Path) -> None:
    portal = Portal(tmp_path / "var").start()
    processes = portal.processes()
    assert len(processes) >= 7
    began = time.monotonic()
    assert portal.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 15
    assert not [process for process in processes if process.is_running()]
    assert "NAS Portal has stopped" in portal.said()

    began = time.monotonic()
    portal.start()
    assert time.monotonic() - began < 15
    processes = portal.kill()
    wait_until(lambda: not [process for process in processes if process.is_running()], 5)


CAPTURED = {"capture_output": True, "text": True, "timeout": 60}


def up(data: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {"PATH": os.environ["PATH"], "NASPORTAL_DATA": str(data)}
    return subprocess.run([*MANAGE, "up", *options], env=plain | environment, **CAPTURED)


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = up(tmp_path / "var", PORT=str(port))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"Port {port} of 127.0.0.1 cannot be used (Address already in use): "
        "stop what listens there, or set another port with PORT=…\n"
    )


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = up(tmp_path / "file" / "var")
    assert ended.returncode == 2
    assert ended.stderr == (
        f"The data folder {tmp_path}/file/var cannot be written (Not a directory): "
        "make it writable or set NASPORTAL_DATA.\n"
    )


def test_a_port_that_is_no_number_is_refused(tmp_path: Path) -> None:
    assert up(tmp_path / "var", PORT="http").returncode == 2
    assert up(tmp_path / "var", "--port", "70000").returncode == 2


def test_an_open_address_demands_tls_and_names(tmp_path: Path) -> None:
    ended = up(tmp_path / "var", "--host", "0.0.0.0")
    assert ended.returncode == 2
    assert "--host 0.0.0.0 opens the portal to the network and needs TLS: set NASPORTAL_TLS=proxy" in ended.stderr
    ended = up(tmp_path / "var", "--host", "0.0.0.0", NASPORTAL_TLS="proxy")
    assert "say in NASPORTAL_HOSTS by which names it is called" in ended.stderr
    ended = up(tmp_path / "var", NASPORTAL_TLS="certificate")
    assert ended.stderr == "NASPORTAL_TLS_CERTIFICATE must name a PEM file that can be read, but is ''.\n"
    assert not (tmp_path / "var").exists()


def test_a_database_that_does_not_answer_is_said_in_one_sentence(tmp_path: Path) -> None:
    address = f"postgres://nobody@127.0.0.1:{free_port()}/nasportal"
    ended = up(tmp_path / "var", PORT=str(free_port()), DATABASE_URL=address)
    assert ended.returncode == 2
    assert ended.stderr.startswith("The database cannot be used (connection failed")
    assert ended.stderr.count("\n") == 1

"""The wheel, outside of the checkout: it brings all that the portal needs, and its data lies with the user's data."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from nasportal.lib import installation
from tests.support import wheel
from tests.support.portal import MANAGE, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> wheel.Installed:
    return wheel.install(tmp_path_factory.mktemp("installed"))


def run(command: list[str], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    return subprocess.run(command, cwd=cwd, env=plain | environment, capture_output=True, text=True, timeout=300)


def test_it_holds_every_file_of_the_packages(installed: wheel.Installed) -> None:
    listed = subprocess.run(["git", "ls-files", *wheel.BUILT_FROM], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout: which files belong to it is not known")
    shared = ("templates/", "static/", "docs/")
    wanted = {f"nasportal/share/{name}" if name.startswith(shared) else name for name in listed.stdout.split()}
    there = {name for name in wanted if (ROOT / name.removeprefix("nasportal/share/")).is_file()}
    assert sorted(there - set(zipfile.ZipFile(installed.wheel).namelist())) == []


def test_it_says_its_version(installed: wheel.Installed) -> None:
    said = run([*installed.command, "--version"], installed.folder)
    assert said.stdout == f"nas-portal {installation.portal_version()}\n"


def test_its_data_is_the_users_and_data_names_another_folder(installed: wheel.Installed) -> None:
    doctor = [*installed.command, "doctor", "--json"]
    folders = json.loads(run(doctor, installed.folder).stdout)["folders"]
    assert str(installed.folder / ".local" / "share" / "nas-portal") in folders
    named = json.loads(run([*doctor, "--data", "elsewhere"], installed.folder).stdout)["folders"]
    assert str(installed.folder / "elsewhere") in named


def test_a_search_has_the_history_that_it_has_in_the_checkout(installed: wheel.Installed, tmp_path: Path) -> None:
    options = ["--dataset", "digits", "--objectives", "accuracy,params", "--seed", "1", "--evaluations", "3"]
    small = [*options, "--set", "training.epochs=1", "--no-repository", "--json"]
    hashes = [
        json.loads(run([*command, "search", *small, "--out", str(tmp_path / name)], installed.folder).stdout)
        for command, name in ((installed.command, "wheel"), (MANAGE, "checkout"))
    ]
    assert hashes[0]["history_sha256"] == hashes[1]["history_sha256"]


def test_an_extra_that_is_missing_is_named_with_the_command(installed: wheel.Installed) -> None:
    python = str(installed.environment / "bin" / "python")
    hidden = "import sys; sys.modules['psycopg'] = None; from nasportal.command_line import main; main(['x', 'check'])"
    refused = run([python, "-c", hidden], installed.folder, DATABASE_URL="postgres://nobody@127.0.0.1/none")
    assert refused.returncode == 2
    assert refused.stderr == (
        "DATABASE_URL names PostgreSQL, which needs an extra: `pip install 'nas-portal[postgresql]'`.\n"
    )

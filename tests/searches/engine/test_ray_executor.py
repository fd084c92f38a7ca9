"""Searches on Ray: the same history as here, whatever was killed. Skipped where Ray or unshare is missing."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.searches.engine import ray_scenes

pytestmark = pytest.mark.slow
# Ray listens on every interface and leaves processes behind: a network and a process tree of its own.
APART = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture(scope="module", autouse=True)
def _ray_apart() -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: .venv/bin/pip install -c constraints.txt -e '.[ray]'")
    try:
        ended = subprocess.run([*APART, "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    except FileNotFoundError as error:
        pytest.skip(f"{error.filename} is not installed: Ray is tested in a network of its own only")
    if ended.returncode:
        pytest.skip(f"no network namespace may be made here: {ended.stderr.strip()}")


@pytest.mark.parametrize("scene", ray_scenes.SCENES)
def test_ray_gives_the_history_of_this_machine(scene: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [*APART, sys.executable, "-m", "tests.searches.engine.ray_scenes", scene, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    hashes = json.loads(ended.stdout.splitlines()[-1])
    assert hashes["there"] == hashes["here"]

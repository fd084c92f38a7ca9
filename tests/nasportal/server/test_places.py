"""Kinds of work beside one another on a running portal: what holds all places of one kind stops no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.portal import ROOT, running_portal

pytestmark = pytest.mark.slow


def test_a_search_starts_within_five_seconds_while_all_other_places_are_held(tmp_path: Path) -> None:
    with running_portal(tmp_path / "var", NASPORTAL_RUNS_AT_ONCE="1", NASPORTAL_REPOSITORIES_AT_ONCE="2") as portal:
        environment = portal.environment | {"DJANGO_SETTINGS_MODULE": "nasportal.settings"}
        ended = subprocess.run(
            [sys.executable, "-m", "tests.support.start_beside"],
            env=environment | {"NASPORTAL_RUNS_AT_ONCE": "1", "NASPORTAL_REPOSITORIES_AT_ONCE": "2"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["seconds"] < 5
    assert found["at_work"]["repositories"] == 2
    assert {name for name, count in found["at_work"].items() if not count} == {"notifications"}

"""The README's program starts a search, waits and downloads, as it stands there; only the search is made small."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.portal import MANAGE, running_portal
from tests.support.readme import README

SMALL = '"evaluations": 2, "training": {"epochs": 1}'


@pytest.mark.slow
def test_its_program_starts_waits_and_downloads(tmp_path: Path) -> None:
    program = next(
        code for code in re.findall(r"```python\n(.*?)```", README.read_text(), re.S) if "network.zip" in code
    )
    assert '"evaluations": 24' in program
    with running_portal(tmp_path / "data") as portal:
        made = subprocess.run([*MANAGE, "api_token", "admin"], env=portal.environment, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        done = subprocess.run(
            [sys.executable, "-c", program.replace('"evaluations": 24', SMALL)],
            env=portal.environment | {"NASPORTAL": portal.address, "NASPORTAL_TOKEN": made.stdout.strip()},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=540,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("finished best accuracy 0.")
    with zipfile.ZipFile(tmp_path / "network.zip") as archive:
        assert any(name.endswith("/model.py") for name in archive.namelist())

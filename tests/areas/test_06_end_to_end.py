"""Area 6: from one command to a front, a choice and a repository, without server or database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from searches.engine.history import history_sha256, read

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_one_command_searches_chooses_and_delivers(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, str(ROOT / "manage.py"), "search", "--dataset", "digits", "--algorithm", "nsga2"]
    command += ["--evaluations", "6", "--seed", "1", "--objectives", "accuracy,params,flops", "--json"]
    done = subprocess.run([*command, "--out", str(folder)], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    printed = json.loads(done.stdout)
    header, lines = read((folder / "history.jsonl").read_text())
    assert len(lines) == 6
    assert history_sha256(lines, header) == printed["history_sha256"]
    front = json.loads((folder / "front.json").read_text())
    chosen = next(entry for entry in front["front"] if entry["number"] == front["chosen"])
    assert chosen["test_accuracy"] > 0.8
    assert "plotly" in (folder / "front.html").read_text()
    assert (folder / "repository" / "model.py").is_file()
    assert (folder / "repository" / "weights" / "model.safetensors").is_file()

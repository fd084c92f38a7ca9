"""Searches that train: `manage.py search` as it is. Their hashes hold on one kind of machine with one torch build."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ("NASPORTAL_", "DATABASE_", "REDIS_", "RAY_")  # nothing of the developer's own set-up may leak in
SMALL = ("--dataset", "digits", "--objectives", "accuracy,params", "--seed", "1", "--evaluations", "4")
EPOCH = ("--set", "training.epochs=1")
LADDER = ("--set", "ladder.proxy=synflow", "--set", 'ladder.rungs="1,2"', "--set", "ladder.eta=2")
DARTS = ("--algorithm", "darts", "--algorithm-option", "epochs=2")

TRAINED: Mapping[str, tuple[str, ...]] = {
    "nsga2": EPOCH,
    "nsga2 on a ladder": (*EPOCH, *LADDER),
    "nsga2 with inheritance": (*EPOCH, "--set", "training.inherit=true"),
    "darts": (*EPOCH, *DARTS),
    "darts over all operations": (*EPOCH, *DARTS, "--algorithm-option", "variant=darts"),
    "portfolio": (*EPOCH, "--algorithm", "portfolio"),
}


def trained(name: str, folder: Path) -> str:
    """The hash of the history that the command leaves in the folder."""
    words = [*SMALL, *TRAINED[name], "--workers", "1", "--no-repository", "--out", str(folder)]
    command = [sys.executable, str(ROOT / "manage.py"), "search", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(json.loads((folder / "front.json").read_text())["history_sha256"])


def environment(data: Path, **more: str) -> dict[str, str]:
    """Returns the environment of a process that knows this data folder only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"NASPORTAL_DATA": str(data), "PYTHONPATH": str(ROOT)} | more

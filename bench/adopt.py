"""`python -m bench.adopt ZIP [--data PATH]`: a downloaded repository as a stranger takes it up, outside the project.

Fresh environments: one with requirements.txt alone classifies a picture, shows its certificate and serves; one with the
training requirements runs the repository's tests and the whole training. The answer is one JSON document; exit 1 if
anything in it is not as promised. It takes some hundred megabytes and minutes, so no test runs it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codegen.sources.dockerfile import faults
from codegen.sources.tree import SourceTree

POINTS = 1.0  # by which a training may differ from the portal's accuracy
START_SECONDS = 60
DRAW = """
import sys
from PIL import Image
Image.frombytes("L", (40, 40), sys.stdin.buffer.read()).save(sys.argv[1])
"""
ROOT = Path(__file__).parents[1]


def adopt(archive: Path, data: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="adopted-") as place:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(place)
        (folder,) = Path(place).iterdir()
        assert not folder.is_relative_to(ROOT)
        running = environment(Path(place) / "run", folder, "requirements.txt")
        found = {"archive": archive.name, "bytes_installed": size_of(Path(place) / "run")}
        found |= runs(folder, running)
        training = environment(Path(place) / "train", folder, "requirements.txt", "requirements-train.txt")
        found |= trains(folder, training, ["--data", data] if data else [])
    found["holds"] = all(value for name, value in found.items() if isinstance(value, bool))
    return found


def environment(place: Path, folder: Path, *requirements: str) -> str:
    """A new virtual environment's interpreter."""
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    given = [word for name in requirements for word in ("-r", str(folder / name))]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *given], check=True, stderr=subprocess.DEVNULL)
    return python


def size_of(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())


def runs(folder: Path, python: str) -> dict[str, Any]:
    """With requirements.txt alone: no torch."""
    picture = folder.parent / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    subprocess.run([python, "-c", DRAW, str(picture)], input=pixels.tobytes(), check=True)
    classified = said(folder, python, "inference.py", str(picture), "--json")
    verified = said(folder, python, "deploy.py", "verify")
    tree = SourceTree.read(folder)
    return {
        "without_torch": said(folder, python, "-c", "import torch").returncode != 0,
        "inference_answers": classified.returncode == 0 and bool(json.loads(classified.stdout)[0]["classes"]),
        "verify_prints_the_certificate": verified.returncode == 0 and "# Consistency certificate" in verified.stdout,
        "serve_answers": answers(folder, python, picture),
        "dockerfile_is_valid": not faults(tree.text("Dockerfile"), tree.files.keys()),
    }


def answers(folder: Path, python: str, picture: Path) -> bool:
    """`deploy.py serve` on a free port says where it listens, and names classes for the picture."""
    command = [python, "-u", "deploy.py", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=alone(), stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            asked = urllib.request.Request(address, data=picture.read_bytes())
            with urllib.request.urlopen(asked, timeout=START_SECONDS) as answer:
                return bool(json.load(answer)["predictions"][0])
        finally:
            server.terminate()


def trains(folder: Path, python: str, data: list[str]) -> dict[str, Any]:
    tests = said(folder, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error::DeprecationWarning")
    started = time.monotonic()
    trained = said(folder, python, "train.py", "--threads", "1", "--out", str(folder.parent / "trained"), *data)
    seconds = time.monotonic() - started
    if trained.returncode:
        return {"tests_pass": tests.returncode == 0, "trains": False, "training_said": trained.stderr[-500:]}
    reached = json.loads((folder.parent / "trained" / "result.json").read_text(encoding="utf-8"))["test_accuracy"]
    rows = json.loads((folder / "consistency.json").read_text(encoding="utf-8"))["artefacts"]
    promised = next(row["accuracy"] for row in rows if row["name"] == "pytorch")
    found: dict[str, Any] = {
        "tests_pass": tests.returncode == 0,
        "tests": tests.stdout.strip().rpartition("\n")[2].strip("= "),
        "trains": True,
        "training_seconds": round(seconds, 1),
        "test_accuracy": reached,
        "test_accuracy_of_the_portal": promised,
    }
    if promised is not None:
        found["within_a_point"] = abs(reached - promised) * 100 <= POINTS
    return found


def said(folder: Path, python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [python, *arguments]
    return subprocess.run(command, cwd=folder, env=alone(), capture_output=True, text=True, check=False)


def alone() -> dict[str, str]:
    """Nothing of the project in the environment."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "DATASETS")}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.adopt", description=__doc__)
    parser.add_argument("archive", type=Path, metavar="ZIP")
    parser.add_argument("--data", help="where the data set is, if the repository does not know it by name")
    chosen = parser.parse_args(argv)
    found = adopt(chosen.archive.resolve(), chosen.data)
    print(json.dumps(found, indent=2))
    return 0 if found["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())

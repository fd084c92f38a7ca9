"""`manage.py sample` from a terminal: no database, one sentence for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from architectures.ir.json import loads
from architectures.spaces import create, names
from architectures.spaces.limits import PRESETS

ROOT = Path(__file__).parents[2]


def sample(tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "NASPORTAL_DATA": str(tmp_path / "var")}
    command = [sys.executable, str(ROOT / "manage.py"), "sample", "--out", str(tmp_path / "out"), *options]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("space", names())
def test_it_writes_architectures_that_can_be_read_again(tmp_path: Path, space: str):
    done = sample(tmp_path, "--space", space, "--count", "3", "--seed", "5", "--input", "3x32x32", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert len(document["architectures"]) == 3
    for row in document["architectures"]:
        text = Path(row["path"]).read_text()
        origin = json.loads(text)["origin"]
        again = create(origin["space"], (3, 32, 32), 10, **origin["options"])
        assert again.decode(origin["genotype"]) == loads(text)
    assert not (tmp_path / "var").exists()


def test_the_same_seed_gives_the_same_files_and_a_longer_sample_begins_with_the_shorter(tmp_path: Path):
    for folder, count in (("first", "2"), ("second", "4")):
        (tmp_path / folder).mkdir()
        assert sample(tmp_path / folder, "--count", count, "--preset", "mobile").returncode == 0
    first, second = ([*sorted((tmp_path / name / "out").iterdir())] for name in ("first", "second"))
    assert [path.name for path in first] == ["architecture-00000.json", "architecture-00001.json"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second[:2]]
    assert PRESETS["mobile"].max_params


BAD = [
    (("--space", "chian"), 2, "no search space is named 'chian'; did you mean 'chain'?"),
    (("--input", "8 by 8"), 2, "--input must be channels, height and width such as 1x8x8, but is '8 by 8'"),
    (("--input", "1x1x1"), 2, "input_shape must leave 2×2 pixels or more after the stem (stride 1), but is 1×1"),
    (("--classes", "1"), 2, "classes must be between 2 and 10,000, but is 1"),
    (("--count", "0"), 2, "--count must be between 1 and 100,000, but is 0"),
    (("--space-option", "max_layers"), 2, "--space-option must be NAME=VALUE, but is 'max_layers'"),
    (
        ("--space-option", "max_layers=50"),
        2,
        "max_layers must be at most 20, but is 50; leave it out for the automatic choice",
    ),
    (
        ("--max-params", "9"),
        3,
        "limits.max_params must be at least 346, the smallest that chain can reach here, but is 9",
    ),
]


@pytest.mark.parametrize(("options", "code", "message"), BAD)
def test_bad_input_is_refused_in_one_sentence(tmp_path: Path, options: tuple[str, ...], code: int, message: str):
    done = sample(tmp_path, *options)
    assert (done.returncode, done.stderr.strip()) == (code, f"CommandError: {message}")
    assert done.stdout == ""

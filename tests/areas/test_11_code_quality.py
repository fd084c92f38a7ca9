"""Area 11: printed code is code that a careful person would have written; so is ours."""

import ast
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from architectures import spaces
from codegen.sources.preview import preview

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", spaces.names())
def test_printed_code_parses_is_formatted_and_holds_no_dead_import(name: str, tmp_path: Path) -> None:
    space = spaces.create(name, (3, 32, 32), 10)
    for seed in range(5):
        source = preview(space.decode(space.sample(Random(seed)))).files["model.py"]
        ast.parse(source)
        (tmp_path / f"model_{seed}.py").write_text(source)
    for arguments in (["format", "--check"], ["check", "--select", "F,E4,E7,E9,B"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", "--line-length", "120", str(tmp_path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_printed_name_is_a_number_in_disguise() -> None:
    space = spaces.create("chain", (1, 8, 8), 10)
    for seed in range(10):
        tree = ast.parse(preview(space.decode(space.sample(Random(seed)))).files["model.py"])
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not {name for name in names if name.startswith("x") and name[1:].isdigit()}


def test_our_packages_hold_no_stub() -> None:
    for package in ("architectures", "profiling", "codegen", "searches", "nasportal"):
        for path in (ROOT / package).rglob("*.py"):
            assert "raise NotImplementedError" not in path.read_text(), path

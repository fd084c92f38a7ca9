"""CONTRIBUTING's tutorial works as it stands there: one file, and nothing else is edited."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
COPIED = ("architectures", "searches", "profiling", "codegen", "tests", "nasportal", "docs", "static", "templates")
PROBE = """
import json, sys
from searches.spec import SearchSpec
from architectures import operations, spaces
options = json.loads(sys.argv[1])
spec = SearchSpec.from_document(options)
space = spaces.create(spec.space, (1, 8, 8), 10, **spec.space_options)
print("sep_conv5x5" in operations.names(), any("sep_conv5x5" in map(str, each.choices) for each in space.decisions))
"""


@pytest.mark.slow
def test_its_tutorial_adds_an_operation_in_one_file(tmp_path: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "pyproject.toml", "manage.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    place = re.search(r"Write this to `([^`]+)`", TEXT)
    code = re.search(r"```python\n(.*?)```", TEXT, re.S)
    assert place
    assert code
    (tmp_path / place[1]).write_text(code[1])
    options = re.search(r'`(\{"space": .*?\})`', TEXT)
    assert options
    tried = run(tmp_path, "-c", PROBE, options[1])
    assert tried.stdout.split() == ["True", "True"], tried.stderr
    examined = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts/test_operations.py")
    assert examined.returncode == 0, examined.stdout[-3000:]
    renewed = run(tmp_path, "-m", "docs.generate")
    assert renewed.returncode == 0, renewed.stderr
    assert (
        "| `sep_conv5x5` | Separable 5×5 convolution: the field of view"
        in (tmp_path / "docs/reference/registries.md").read_text()
    )


def run(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *argv], cwd=folder, capture_output=True, text=True, timeout=300)

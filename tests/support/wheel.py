"""The wheel of this checkout, in an environment of its own outside of it.

Its dependencies are those of the environment that runs the tests, so that no package index is asked.
"""

import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.support.portal import ROOT

BUILT_FROM = ("nasportal", "searches", "codegen", "profiling", "architectures", "templates", "static", "docs")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


@dataclass(frozen=True)
class Installed:
    """A wheel, the environment it was installed into, and an empty folder to start commands in."""

    wheel: Path
    environment: Path
    folder: Path

    @property
    def command(self) -> list[str]:
        return [str(self.environment / "bin" / "nas-portal")]


def install(folder: Path) -> Installed:
    """Builds the wheel from a copy of the checkout and installs it."""
    source = folder / "source"
    for name in BUILT_FROM:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".ruff_cache"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    found = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    Path(found.stdout.strip(), "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, str(wheel)], check=True)
    shutil.rmtree(source)
    empty = folder / "empty"
    empty.mkdir()
    return Installed(wheel, environment, empty)

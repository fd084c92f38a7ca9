"""Puts the folders at the top of the checkout into the wheel: templates, static files and docs.

Everything else about the package stands in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHARED = ("templates", "static", "docs")


class BuildWithShared(build_py):
    """Also copies the shared folders to where an installed portal looks for them: nasportal/share."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # an editable installation reads the checkout itself
            return
        for name in SHARED:
            target = Path(self.build_lib, "nasportal", "share", name)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(name, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


setup(cmdclass={"build_py": BuildWithShared})

"""Knows where the portal is installed, in a checkout or from a wheel: its files, its version and its data folder."""

import os
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent
DISTRIBUTION = "nas-portal"
DATA_VARIABLE = "NASPORTAL_DATA"


def is_checkout() -> bool:
    """Returns whether the code runs from a checkout; a wheel has no manage.py and no folder of templates beside it."""
    return (ROOT / "manage.py").is_file() and (ROOT / "templates").is_dir()


def shared_folder(name: str) -> Path:
    """A folder that stands at the top of a checkout, such as ``templates``; a wheel carries it inside the package."""
    return ROOT / name if is_checkout() else PACKAGE / "share" / name


@cache
def portal_version() -> str:
    """The version of the checkout, or of the installed wheel."""
    if is_checkout():
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])
    return metadata.version(DISTRIBUTION)


def data_folder() -> Path:
    """The one data folder: as NASPORTAL_DATA names it, else ``var`` in a checkout, else the user's own data folder.

    ``--data`` of the command line sets NASPORTAL_DATA. Nothing is created here, and nothing ever goes into
    site-packages.
    """
    if named := os.environ.get(DATA_VARIABLE, ""):
        return Path(named).expanduser().absolute()
    return ROOT / "var" if is_checkout() else user_data_folder()


def user_data_folder() -> Path:
    """Returns the folder of a user's data on this platform: ~/Library/Application Support, or XDG_DATA_HOME."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / DISTRIBUTION
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / DISTRIBUTION


def way_to_install(extra: str) -> str:
    """The command that installs an extra of ours, such as ``postgresql``."""
    if is_checkout():
        return f"`.venv/bin/python -m pip install --constraint constraints.txt -e '.[{extra}]'`"
    return f"`pip install '{DISTRIBUTION}[{extra}]'`"

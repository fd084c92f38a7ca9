"""The files of a generated repository that do not depend on the network: read as text, never imported."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("repository")


@cache
def skeleton() -> Mapping[str, str]:
    """Text by path, as the files stand in the folder beside this module."""
    found = (path for path in sorted(FOLDER.rglob("*")) if path.is_file() and "cache" not in path.as_posix())
    return {path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8") for path in found}

"""The files of a generated repository that do not depend on the network: read as text, never imported."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def skeleton(name: str = "repository") -> Mapping[str, str]:
    """Text by path, as the files stand in the folder of this name beside this module."""
    folder = HERE / name
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    kept = {short.as_posix(): path for short, path in files.items() if "cache" not in short.as_posix()}
    return {short: path.read_text(encoding="utf-8") for short, path in kept.items()}

"""A source tree: files by path, frozen until it is written; the same tree always gives the same bytes."""

import hashlib
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

PART = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
LEFTOVERS = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache"}


class TreeError(ValueError):
    """A path that a source tree refuses."""


@dataclass(frozen=True)
class SourceTree:
    """Files by relative POSIX path, in order of path."""

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        for path in self.files:
            check(path)
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    @classmethod
    def of(cls, files: Mapping[str, str | bytes]) -> "SourceTree":
        return cls({path: text.encode() if isinstance(text, str) else text for path, text in files.items()})

    @classmethod
    def read(cls, folder: Path) -> "SourceTree":
        """The files below a folder, without what Python and the test tools leave behind."""
        found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
        return cls(
            {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in found
                if not LEFTOVERS.intersection(path.relative_to(folder).parts)
            }
        )

    def with_files(self, files: Mapping[str, str | bytes]) -> "SourceTree":
        return SourceTree({**self.files, **SourceTree.of(files).files})

    def text(self, path: str) -> str:
        return self.files[path].decode()

    def hashes(self) -> dict[str, str]:
        return {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}

    def write(self, folder: Path) -> None:
        for path, content in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def zip(self, path: Path, prefix: str) -> str:
        """Write the archive under a temporary name, then rename it; the answer is its sha256."""
        check(prefix)
        temporary = path.with_name(f".{path.name}.part")
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in self.files.items():
                archive.writestr(member(f"{prefix}/{name}"), content)
        with temporary.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
            os.fsync(written.fileno())
        temporary.rename(path)
        return digest


def member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is written
    info.external_attr = 0o100644 << 16
    return info


def check(path: str) -> None:
    """Refuses a path that leaves the tree or has unusual characters. Raises TreeError where it does."""
    parts = PurePosixPath(path).parts
    if not parts or path != "/".join(parts) or any(not PART.fullmatch(part) or part == ".." for part in parts):
        raise TreeError(f"a path must be relative, of letters, digits, dots, dashes and underscores, but is {path!r}")

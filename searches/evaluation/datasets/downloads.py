"""Official files of well-known datasets: where they may lie, what they must be, and how they are fetched once."""

import gzip
import hashlib
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from searches.evaluation.datasets.dataset import DataSetError
from searches.evaluation.datasets.reading.limits import MAX_FILE_BYTES

BLOCK = 2**20
TIMEOUT_SECONDS = 30
GZIP = b"\x1f\x8b"
Progress = Callable[[str, int, int], None]  # file, bytes so far, bytes in all (0: unknown)


@dataclass(frozen=True)
class OfficialFile:
    """One file as its makers publish it; md5 is what they publish with it.

    ``content_sha256`` is of the unpacked bytes, where somebody had the file: it fits one that was packed anew, too.
    """

    name: str
    url: str
    md5: str
    content_sha256: str = ""

    def is_at(self, path: Path) -> bool:
        """Returns whether the file there is this one."""
        if self.content_sha256:
            return content_sha256_of(path) == self.content_sha256
        return md5_of(path) == self.md5


def data_folder(name: str) -> Path:
    """Returns the folder of a dataset's fetched files, where they may be placed by hand, too."""
    return Path(os.environ.get("NASPORTAL_DATA", "var")) / "datasets" / name


def folder_of(name: str, files: Sequence[OfficialFile], places: Sequence[Path] = ()) -> Path:
    """Returns the first folder that holds every file; ``places`` are where the system's packages put them.

    Raises DataSetError where none does.
    """
    folders = (data_folder(name), *places)
    for folder in folders:
        if all((folder / file.name).is_file() for file in files):
            return folder
    wanted = ", ".join(file.name for file in files)
    raise DataSetError(
        f"{name} is not on this machine; fetch it with 'manage.py dataset {name} --fetch', "
        f"or place {wanted} in {data_folder(name)}"
    )


def fetch(name: str, files: Sequence[OfficialFile], progress: Progress) -> Path:
    """Fetches files into the data folder; one that is there is checked, one that was cut off is continued.

    Raises DataSetError where a file is not the official one or cannot be fetched.
    """
    folder = data_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = folder / file.name
        if not path.is_file():
            download(file, path, progress)
        elif not file.is_at(path):
            raise DataSetError(f"{path} is not the official file (its hash differs); delete it and fetch again")
    return folder


def download(file: OfficialFile, path: Path, progress: Progress) -> None:
    """Downloads one file, from where it was cut off.

    Raises DataSetError where it is too long, incomplete or not the official one.
    """
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            is_continued = answer.status == 206
            have = have if is_continued else 0  # a server without ranges sends all of it again
            total = have + int(answer.headers.get("Content-Length") or 0)
            with part.open("ab" if is_continued else "wb") as stream:
                while block := answer.read(BLOCK):
                    stream.write(block)
                    have += len(block)
                    if have > MAX_FILE_BYTES:
                        raise DataSetError(f"{file.url} sends more than {MAX_FILE_BYTES:,} bytes")
                    progress(file.name, have, total)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DataSetError(
            f"{file.url} cannot be fetched ({error}); try again (it continues where it stopped), "
            f"or place the file in {path.parent} by hand"
        ) from error
    if have < total:
        raise DataSetError(f"{file.url} was cut off after {have:,} of {total:,} bytes; try again: it continues there")
    if not file.is_at(part):
        part.unlink()
        raise DataSetError(f"{file.url} sent a file that is not the official one (its hash differs); try again")
    part.replace(path)


def content_sha256_of(path: Path) -> str:
    """Hashes a gzipped file's content, or any other file itself. A damaged one has no hash."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == GZIP
        with gzip.open(path) if is_packed else path.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    except (OSError, EOFError, zlib.error):
        return ""
    return digest.hexdigest()


def md5_of(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # what the makers published; it shows damage, not malice
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

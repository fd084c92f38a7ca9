"""Official files of well-known data sets: where they may lie, what they must be, and how they are fetched once."""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from searches.evaluation.datasets.dataset import DataSetError
from searches.evaluation.datasets.limits import MAX_FILE_BYTES

BLOCK = 2**20
TIMEOUT_SECONDS = 30
Progress = Callable[[str, int, int], None]  # file, bytes so far, bytes in all (0: unknown)


@dataclass(frozen=True)
class OfficialFile:
    """One file as its makers publish it; md5 is what they publish with it."""

    name: str
    url: str
    md5: str


def data_folder(name: str) -> Path:
    """Where fetched files of a data set go, and where they may be placed by hand."""
    return Path(os.environ.get("NASPORTAL_DATA", "var")) / "datasets" / name


def folder_of(name: str, files: Sequence[OfficialFile], places: Sequence[Path] = ()) -> Path:
    """The first folder that holds every file; ``places`` are where the system's packages put them."""
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
    """Into the data folder; a file that is there is checked, one that was cut off is gone on with."""
    folder = data_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        path = folder / file.name
        if not path.is_file():
            download(file, path, progress)
        elif md5_of(path) != file.md5:
            raise DataSetError(f"{path} is not the official file (its md5 differs); delete it and fetch again")
    return folder


def download(file: OfficialFile, path: Path, progress: Progress) -> None:
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
            f"{file.url} cannot be fetched ({error}); try again (it goes on where it stopped), "
            f"or place the file in {path.parent} by hand"
        ) from error
    if md5_of(part) != file.md5:
        part.unlink()
        raise DataSetError(f"{file.url} sent a file that is not the official one (its md5 differs); try again")
    part.replace(path)


def md5_of(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # what the makers published; it tells damage, not malice
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

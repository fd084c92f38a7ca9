"""A zip of a folder of images by class; nothing is unpacked to disk."""

import zipfile
import zlib
from functools import partial
from pathlib import Path, PurePosixPath
from typing import ClassVar

from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.reading.archives import Allowance, opened
from searches.evaluation.datasets.reading.images import Entry, read_pictures
from searches.evaluation.datasets.reading.limits import MAX_ARRAY_BYTES, MAX_IMAGE_FILES
from searches.evaluation.datasets.reading.resizing import ResizeRule
from searches.evaluation.datasets.registry import readers


@readers.register("zip")
class Zip:
    title: ClassVar[str] = "a zip of such a folder"

    @staticmethod
    def accepts(path: Path) -> bool:
        return path.is_file() and path.suffix.lower() == ".zip"

    def read(self, path: Path, fit: ResizeRule) -> DataSet:
        with opened(path, Allowance(MAX_IMAGE_FILES, MAX_ARRAY_BYTES)) as archive:
            entries = [
                Entry(PurePosixPath(member.filename), partial(content, archive, member))
                for member in archive.infolist()
                if not member.is_dir()
            ]
            return read_pictures(path.stem, entries, f"zip file {path.name}", fit)


def content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpacks a member. Raises DataSetError where that fails."""
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise DataSetError(f"{member.filename} cannot be unpacked ({error}); pack the files again") from error

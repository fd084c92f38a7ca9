"""Zip archives from strangers: everything is checked on the table of contents, before a byte is unpacked."""

import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from searches.evaluation.datasets.dataset import DataSetError
from searches.evaluation.datasets.reading.limits import MAX_FILE_BYTES

LOCAL_HEADER_BYTES = 30
MAX_NAME = 255


@dataclass(frozen=True)
class Allowance:
    """How much one archive may hold."""

    members: int
    bytes: int


def opened(path: Path, allowance: Allowance) -> zipfile.ZipFile:
    """Opens an archive, after every check; the caller closes it.

    Raises DataSetError where it is too large, damaged or unsafe.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise DataSetError(f"{path.name} has {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise DataSetError(f"{path.name} is not a readable zip archive ({error}); pack it again") from error
    try:
        check(archive, allowance, size)
    except DataSetError as error:
        archive.close()
        raise DataSetError(f"{path.name}: {error}") from error
    return archive


def check(archive: zipfile.ZipFile, allowance: Allowance, size: int) -> None:
    """Checks members, sizes and names. Raises DataSetError where the archive is empty, too large or unsafe."""
    members = [member for member in archive.infolist() if not member.is_dir()]
    if not members:
        raise DataSetError("the archive is empty")
    if len(members) > allowance.members:
        raise DataSetError(f"the archive has {len(members):,} members; at most {allowance.members:,} are read")
    unpacked = sum(member.file_size for member in members)
    if unpacked > allowance.bytes:
        raise DataSetError(f"the archive unpacks to {unpacked:,} bytes; at most {allowance.bytes:,} are read")
    for member in members:
        check_member(member)
    check_names(members)
    check_ranges(members, size)


def check_member(member: zipfile.ZipInfo) -> None:
    """Checks a member.

    Raises DataSetError where it is encrypted, a link, of an unknown method, or declares too many bytes.
    """
    if member.flag_bits & 0x1:
        raise DataSetError(f"member {member.filename!r} is encrypted; pack it without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataSetError(f"member {member.filename!r} is packed by method {member.compress_type}; use deflate")
    kind = member.external_attr >> 28  # the high bits of the Unix mode; 0 where the packer wrote none
    if kind not in (0, 0o10):
        raise DataSetError(f"member {member.filename!r} is a link or a device; only plain files are read")
    # A deflate stream cannot expand by more than about 1,032.
    if member.file_size > 1040 * member.compress_size + 64:
        raise DataSetError(f"member {member.filename!r} declares more bytes than its packed size can hold")


def check_names(members: list[zipfile.ZipInfo]) -> None:
    """Checks the members' names. Raises DataSetError where one is no plain relative path, or two are equal."""
    seen: dict[str, str] = {}
    for member in members:
        name = member.orig_filename
        problem = name_problem(name)
        if problem:
            raise DataSetError(f"member {name[:80]!r} {problem}; pack the files again with plain relative names")
        key = unicodedata.normalize("NFKC", name).casefold()
        if key in seen:
            raise DataSetError(f"members {seen[key]!r} and {name!r} have the same name; rename one")
        seen[key] = name


def name_problem(name: str) -> str | None:
    if "\0" in name or any(unicodedata.category(character) in ("Cc", "Cf") for character in name):
        return "has a control character in its name"
    if "\\" in name or (len(name) > 1 and name[1] == ":"):
        return "has a drive or a backslash in its name"
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        return "leaves the archive's folder"
    if any(len(part.encode()) > MAX_NAME for part in path.parts) or len(path.parts) > 16:
        return "has an over-long name"
    return None


def check_ranges(members: list[zipfile.ZipInfo], size: int) -> None:
    """Refuses members that share bytes, which make a bomb of kilobytes; honest ones lie one after another.

    Raises DataSetError where two overlap or the archive is cut off.
    """
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise DataSetError(f"member {member.filename!r} overlaps another one")
        end = member.header_offset + LOCAL_HEADER_BYTES + len(member.orig_filename.encode()) + member.compress_size
    if end > size:
        raise DataSetError("the archive is cut off")

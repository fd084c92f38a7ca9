"""Archives from strangers: refused by their table of contents."""

import stat
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from searches.evaluation import datasets
from searches.evaluation.datasets import DataSetError
from searches.evaluation.datasets.reading.archives import Allowance, opened

ALLOWANCE = Allowance(members=10, bytes=1000)


def named(*names: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name), b"12345")

    return write


def link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("a")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")


def patched(old: bytes, new: bytes, *, write: Callable[[Path], None]) -> Callable[[Path], None]:
    def patch(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))

    return patch


def encrypted(path: Path) -> None:
    named("a")(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # general purpose flag of the central directory
    path.write_bytes(bytes(content))


def overlapping(path: Path) -> None:
    named("a", "b")(path)
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = b"\0\0\0\0"  # its data begin where the first one's do
    path.write_bytes(bytes(content))


def cut_off(path: Path) -> None:
    named("a", "b")(path)
    path.write_bytes(path.read_bytes()[:-10])


REFUSED: list[tuple[str, Callable[[Path], None], str]] = [
    ("leaving", named("../a"), "leaves the archive's folder"),
    ("absolute", named("/a"), "leaves the archive's folder"),
    ("drive", named("C:/a"), "a drive or a backslash"),
    ("backslash", named("a\\b"), "a drive or a backslash"),
    ("nul", patched(b"aXb", b"a\0b", write=named("aXb")), "control character"),
    ("right to left", named("a\u202eb"), "control character"),
    ("newline", named("a\nb"), "control character"),
    ("over-long", named("a" * 300), "over-long"),
    ("deep", named("/".join("a" * 20)), "over-long"),
    ("duplicate", named("a", "A"), "have the same name"),
    ("compatible", named("ﬁle", "file"), "have the same name"),
    ("many", named(*(f"m{number}" for number in range(11))), "at most 10 are read"),
    ("large", named(*(f"m{number}" for number in range(10))), "at most 20 are read"),
    ("empty", named(), "the archive is empty"),
    ("link", link, "is a link or a device"),
    ("encrypted", encrypted, "is encrypted"),
    ("overlapping", overlapping, "overlaps another one"),
    ("cut off", cut_off, "not a readable zip archive"),
]


@pytest.mark.parametrize(("what", "write", "message"), REFUSED, ids=[what for what, _, _ in REFUSED])
def test_it_refuses(what: str, write: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write(path)
    with pytest.raises(DataSetError) as refusal:
        opened(path, Allowance(10, 20) if what == "large" else ALLOWANCE)
    assert message in str(refusal.value)


def test_it_opens_an_honest_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cats/1.png", b"1" * 100)
        archive.writestr("dögs/1.png", b"2" * 100)
    with opened(path, ALLOWANCE) as archive:
        assert archive.read("dögs/1.png") == b"2" * 100


def test_a_member_that_declares_more_than_it_can_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    named("a")(path)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (10**9).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(DataSetError, match="declares more bytes than its packed size can hold"):
        opened(path, Allowance(10, 2 * 10**9))


def many(path: Path, count: int) -> None:
    """An archive whose table of contents has so many empty members: written by hand, zipfile would take seconds."""
    local, entries = bytearray(), bytearray()
    for number in range(count):
        name = b"%06d" % number
        entries += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *[0] * 7, len(name), *[0] * 5, len(local)) + name
        local += struct.pack("<4s5H3I2H", b"PK\3\4", 20, *[0] * 7, len(name), 0) + name
    start, end = len(local), len(local) + len(entries)
    wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(entries), start)
    wide += struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    path.write_bytes(
        local + entries + wide + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *[2**16 - 1] * 2, *[2**32 - 1] * 2, 0)
    )


def test_a_hundred_thousand_members_are_refused_quickly(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    many(path, 100_000)
    began = time.process_time()
    with pytest.raises(DataSetError, match=r"the archive has 100,000 members; at most 16 are read"):
        datasets.open(path)
    assert time.process_time() - began < 5
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_within_one_is_no_image(tmp_path: Path) -> None:
    inner, path = tmp_path / "inner.zip", tmp_path / "x.zip"
    named("cats/1.png")(inner)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats/inner.zip", inner.read_bytes())
        archive.writestr("cats/inner.png", inner.read_bytes())
    with pytest.raises(DataSetError, match=r"cats/inner\.png is not an image of the formats"):
        datasets.open(path)


def test_a_member_that_declares_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cats/1.png", bytes(2**20))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(DataSetError, match=r"cats/1\.png cannot be unpacked .*; pack the files again"):
        datasets.open(path)


@pytest.mark.parametrize(("name", "content"), [("a.zip", b"\x89PNG\r\n\x1a\n"), ("a.npz", b"%PDF-1.7"), ("a.ZIP", b"")])
def test_a_file_under_a_wrong_name_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataSetError, match=rf"{name} is not a readable zip archive"):
        datasets.open(tmp_path / name)

"""Archives from strangers: refused by their table of contents."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from searches.evaluation.datasets import DataSetError
from searches.evaluation.datasets.archives import Allowance, opened

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

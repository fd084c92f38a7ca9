"""`manage.py backup` and `restore`: one moment of rows and files, checked byte by byte."""

import json
import os
import sqlite3
import stat
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.portal import MANAGE


def manage(data: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    plain = {"PATH": os.environ["PATH"], "NASPORTAL_DATA": str(data)}
    return subprocess.run([*MANAGE, *argv], env=plain, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The archive of a portal with one account and two files."""
    folder = tmp_path_factory.mktemp("portal")
    data = folder / "var"
    data.mkdir()
    (data / "secret_key").write_text("keep me here")
    assert manage(data, "migrate", "--verbosity", "0").returncode == 0
    assert manage(data, "login_link", "alice", "--create").returncode == 0
    (data / "runs" / "1" / "weights").mkdir(parents=True)
    (data / "runs" / "1" / "weights" / "a.safetensors").write_bytes(b"weights")
    (data / "log").mkdir()
    (data / "log" / "web.log").write_text("not saved")
    archive = folder / "saved.tar"
    ended = manage(data, "backup", str(archive))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == f"2 files of {data} are saved in {archive}; the secret key is not in it.\n"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert not list(folder.glob("*.part"))
    return archive.read_bytes()


@pytest.fixture
def saved(made: bytes, tmp_path: Path) -> Path:
    """A copy of the archive, for each test to do with as it likes."""
    archive = tmp_path / "saved.tar"
    archive.write_bytes(made)
    return archive


def test_an_archive_holds_rows_files_and_their_hashes_but_no_secret(saved: Path) -> None:
    with tarfile.open(saved) as archive:
        names = archive.getnames()
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert names == ["database.sqlite3", "data/runs/1/weights/a.safetensors", "manifest.json"]
    assert set(manifest["files"]) == set(names) - {"manifest.json"}


def test_it_is_put_back_into_an_empty_folder(saved: Path, tmp_path: Path) -> None:
    data = tmp_path / "new"
    ended = manage(data, "restore", str(saved))
    assert ended.returncode == 0, ended.stderr
    assert "`manage.py up` starts the portal" in ended.stderr
    assert (data / "runs" / "1" / "weights" / "a.safetensors").read_bytes() == b"weights"
    rows = sqlite3.connect(data / "nasportal.sqlite3")
    assert rows.execute("SELECT username FROM auth_user").fetchall() == [("alice",)]
    assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sorted(path.name for path in data.iterdir()) == ["nasportal.sqlite3", "runs"]


def test_a_folder_with_something_in_it_is_left_alone(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "nasportal.sqlite3").write_text("somebody's rows")
    ended = manage(tmp_path / "var", "restore", str(saved))
    assert ended.returncode == 2
    assert (
        f"{tmp_path}/var is not empty (nasportal.sqlite3 is there): set NASPORTAL_DATA to a new folder." in ended.stderr
    )


def rewritten(saved: Path, name: str, content: bytes) -> Path:
    """The archive with one member's content replaced, or one member more."""
    target = saved.with_name("rewritten.tar")
    with tarfile.open(saved) as old, tarfile.open(target, "w") as new:
        members = {member.name: old.extractfile(member).read() for member in old.getmembers()}  # type: ignore[union-attr]
        for member, bytes_ in (members | {name: content}).items():
            entry = tarfile.TarInfo(member)
            entry.size = len(bytes_)
            new.addfile(entry, BytesIO(bytes_))
    return target


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("data/runs/1/weights/a.safetensors", b"Weights", "a.safetensors has changed since it was saved."),
        ("data/extra", b"", "data/extra is not listed."),
        ("../outside", b"", "is no backup of a portal, or is incomplete"),
        ("manifest.json", b'{"format": "nas-portal/backup", "version": 2}', "is not a backup of version 1."),
        ("manifest.json", b"{", "is no backup of a portal, or is incomplete"),
    ],
)
def test_a_damaged_archive_is_refused_and_leaves_nothing(
    saved: Path, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    data = tmp_path / "new"
    ended = manage(data, "restore", str(rewritten(saved, name, content)))
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(data.iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_nothing_is_saved_where_there_is_no_portal(tmp_path: Path) -> None:
    ended = manage(tmp_path / "var", "backup", str(tmp_path / "saved.tar"))
    assert ended.returncode == 2
    assert ended.stderr == f"There is no portal in {tmp_path}/var: set NASPORTAL_DATA to its data folder.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def portal_folder(tmp_path: Path) -> Path:
    """A data folder with a database and one file."""
    data = tmp_path / "var"
    (data / "runs" / "1").mkdir(parents=True)
    (data / "runs" / "1" / "a.txt").write_text("kept")
    with sqlite3.connect(data / "nasportal.sqlite3") as rows:
        rows.execute("CREATE TABLE some (thing)")
    rows.close()
    return data


def test_a_backup_into_the_data_folder_is_refused(portal_folder: Path) -> None:
    ended = manage(portal_folder, "backup", str(portal_folder / "saved" / "a.tar"))
    target = portal_folder / "saved" / "a.tar"
    assert (ended.returncode, ended.stderr) == (
        2,
        f"{target} is inside the data folder {portal_folder}: name a file outside it.\n",
    )


def test_a_backup_leaves_out_earlier_ones_whatever_their_names(portal_folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second.tar"
    assert manage(portal_folder, "backup", str(first)).returncode == 0
    whole = first.read_bytes()
    (portal_folder / "runs" / "1" / "no-suffix").write_bytes(whole)
    (portal_folder / "runs" / "cut.tar.part").write_bytes(whole[: len(whole) // 2])
    (portal_folder / "runs" / "1" / "other.tar").write_bytes(b"no archive of ours")
    assert manage(portal_folder, "backup", str(second)).returncode == 0
    with tarfile.open(second) as archive:
        names = archive.getnames()
    assert names == ["database.sqlite3", "data/runs/1/a.txt", "data/runs/1/other.tar", "manifest.json"]


@pytest.mark.slow
def test_keep_deletes_older_backups_of_this_portal_alone(portal_folder: Path, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nightly"
    folder.mkdir()
    (folder / "notes.tar").write_text("somebody's own")
    (folder / "of-another-portal.tar").write_bytes(saved.read_bytes())
    for name in ("1", "2", "3"):
        assert manage(portal_folder, "backup", str(folder / name)).returncode == 0
    ended = manage(portal_folder, "backup", str(folder / "4"), "--keep", "2")
    assert "Deleted 2 older backups: 2, 1." in ended.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["3", "4", "notes.tar", "of-another-portal.tar"]


def test_keep_deletes_nothing_where_the_new_backup_fails(portal_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nightly"
    folder.mkdir()
    assert manage(portal_folder, "backup", str(folder / "1")).returncode == 0
    (portal_folder / "nasportal.sqlite3").unlink()
    assert manage(portal_folder, "backup", str(folder / "2"), "--keep", "1").returncode == 2
    assert [path.name for path in folder.iterdir()] == ["1"]

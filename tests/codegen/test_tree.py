"""Source trees: frozen, and the same bytes for the same files."""

import zipfile
from pathlib import Path

import pytest

from codegen.sources.tree import SourceTree, TreeError


def test_the_same_files_give_the_same_archive_whatever_their_order(tmp_path: Path) -> None:
    files = {"b/two.py": "2\n", "a.txt": b"\x00\x01", ".github/workflows/ci.yml": "on: push\n"}
    first = SourceTree.of(files).zip(tmp_path / "first.zip", "net")
    second = SourceTree.of(dict(reversed(files.items()))).zip(tmp_path / "second.zip", "net")
    assert first == second
    assert zipfile.ZipFile(tmp_path / "first.zip").namelist() == [
        "net/.github/workflows/ci.yml",
        "net/a.txt",
        "net/b/two.py",
    ]


def test_what_is_written_is_read_again_without_caches(tmp_path: Path) -> None:
    tree = SourceTree.of({"model.py": "x = 1\n", "tests/test_model.py": "y = 2\n"})
    tree.write(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "model.pyc").write_bytes(b"")
    assert SourceTree.read(tmp_path) == tree


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up.py",
        "a/../../b",
        "a//b",
        "a\\b",
        "C:\\x",
        "c:x",
        "a\x00b",
        "a\nb",
        "-rf",
        "a/",
        ".",
        "..",
        "ä",
    ],
)
def test_it_refuses_a_path_that_could_leave_the_folder(path: str) -> None:
    with pytest.raises(TreeError, match="a path must be relative"):
        SourceTree.of({path: ""})


def test_files_cannot_be_changed_afterwards() -> None:
    tree = SourceTree.of({"a.py": ""})
    with pytest.raises(TypeError):
        tree.files["b.py"] = b""  # type: ignore[index]

"""Data sets as the portal keeps them: equal to what was read, mapped, and known by their hash."""

import json
from pathlib import Path

import numpy as np
import pytest

from searches.evaluation import datasets
from searches.evaluation.datasets import DataSetError, stored
from searches.evaluation.datasets import mapped as memory_mapped

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def private_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASPORTAL_DATA", str(tmp_path))
    return tmp_path


def kept() -> Path:
    folder = stored.folder_named(f"upload:{KEY}")
    stored.write(datasets.open("digits"), folder)
    return folder


def test_it_is_the_set_that_was_read() -> None:
    kept()
    digits, found = datasets.open("digits"), datasets.open(f"upload:{KEY}")
    assert (found.card(), found.scale) == (digits.card(), digits.scale)
    assert isinstance(found.images, np.memmap)
    facts = datasets.facts(f"upload:{KEY}")
    assert (facts.name, facts.input_shape, facts.images) == ("digits", (1, 8, 8), 1797)


def test_a_flipped_pixel_is_found() -> None:
    path = kept() / "images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataSetError, match=r"digits is damaged \(its hash differs\); upload it again"):
        datasets.open(f"upload:{KEY}")


def test_a_file_that_is_cut_off_is_found() -> None:
    path = kept() / "images.npy"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataSetError, match="is damaged"):
        datasets.open(f"upload:{KEY}")


@pytest.mark.parametrize("name", ["upload:", "upload:../../etc", f"upload:{KEY}/..", f"upload:{KEY.upper()}"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(DataSetError, match="named upload: followed by 32 hexadecimal digits"):
        datasets.open(name)


def test_one_that_is_gone_says_so() -> None:
    with pytest.raises(DataSetError, match="no longer exists; upload it again"):
        datasets.facts(f"upload:{KEY}")


def test_a_large_set_is_mapped_once_for_all_evaluators(private_data: Path) -> None:
    digits = datasets.open("digits")
    mapped = memory_mapped.memory_mapped(digits, largest=1000)
    assert memory_mapped.is_mapped(mapped)
    assert not memory_mapped.is_mapped(memory_mapped.memory_mapped(digits))
    assert json.dumps(mapped.card()) == json.dumps(digits.card())
    (file,) = (private_data / "datasets/mapped").iterdir()
    written = file.stat().st_mtime_ns
    memory_mapped.memory_mapped(digits, largest=1000)
    assert file.stat().st_mtime_ns == written
    file.write_bytes(file.read_bytes()[:-10] + bytes(10))
    assert memory_mapped.memory_mapped(digits, largest=1000).sha256 == digits.sha256

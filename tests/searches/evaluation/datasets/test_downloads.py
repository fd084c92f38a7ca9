"""The official formats, in files that the tests write: IDX, CIFAR's binary version; damaged ones; fetching."""

import gzip
import hashlib
import http.server
import io
import struct
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from searches.evaluation import datasets
from searches.evaluation.datasets import DataSetError, downloads
from searches.evaluation.datasets.downloads import OfficialFile, data_folder, fetch
from searches.evaluation.datasets.fashion_mnist import DEBIAN, FashionMnist
from searches.evaluation.datasets.reading.cifar_binary import read_records
from searches.evaluation.datasets.reading.idx import STEMS, read_idx
from tests.searches.evaluation.worlds import images


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture(autouse=True)
def private_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASPORTAL_DATA", str(tmp_path / "var"))
    return tmp_path / "var"


def write_idx(folder: Path, *, packed: bool) -> Path:
    folder.mkdir(parents=True)
    x, y = images(60, side=28)
    more, labels = images(30, side=28, seed=1)
    for stem, array in zip(STEMS, (x, y, more, labels), strict=True):
        content = idx(array)
        (folder / f"{stem}.gz").write_bytes(gzip.compress(content)) if packed else (folder / stem).write_bytes(content)
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_of_idx_files_is_read(packed: bool, tmp_path: Path) -> None:
    found = datasets.open(write_idx(tmp_path / "shapes", packed=packed))
    assert (found.name, found.input_shape, found.classes) == ("shapes", (1, 28, 28), 3)
    assert np.array_equal(found.split("test")[0][:, 0], images(30, side=28, seed=1)[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\x00\x00\x0d\x03" + bytes(100), "no IDX file of unsigned bytes: it begins with 00000d03"),
        (b"\x00\x00\x08\x03" + bytes(3), "cut off in its header"),
        (idx(np.zeros((2, 4, 4)))[:-1], "32 bytes, but holds 31"),
        (idx(np.zeros((2, 4, 4))) + b"0", "but holds more"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "at most"),
    ],
)
def test_a_damaged_idx_file_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataSetError, match=message):
        read_idx(path)


def test_a_cut_off_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(np.arange(1000).reshape(10, 10, 10)))[:-20])
    with pytest.raises(DataSetError, match="cannot be read"):
        read_idx(path)


def record(labels: list[int], red: int, green: int, blue: int) -> bytes:
    return bytes(labels) + bytes([red] * 1024) + bytes([green] * 1024) + bytes([blue] * 1024)


def test_records_are_planes_of_red_green_and_blue() -> None:
    part = read_records("a.bin", record([9, 3], 10, 20, 30) + record([9, 4], 1, 2, 3), label_bytes=2)
    assert part.y.tolist() == [3, 4]
    assert part.x.shape == (2, 32, 32, 3)
    assert part.x[0, 5, 7].tolist() == [10, 20, 30]


def test_half_a_record_is_refused() -> None:
    with pytest.raises(DataSetError, match="no whole number of records of 3,073"):
        read_records("a.bin", record([1], 1, 2, 3)[:-1], label_bytes=1)


def cifar_archive(path: Path, leave_out: str = "") -> None:
    path.parent.mkdir(parents=True)
    batches = {
        f"data_batch_{batch}.bin": b"".join(record([label], batch, label, i) for label in range(10) for i in range(4))
        for batch in range(1, 6)
    }
    batches["test_batch.bin"] = b"".join(record([label], 77, label, 0) for label in range(10))
    batches["batches.meta.txt"] = "".join(f"class{number}\n" for number in range(10)).encode()
    with tarfile.open(path, "w:gz") as packed:
        for name, content in batches.items():
            if name != leave_out:
                entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))


def test_the_binary_version_of_cifar10_is_read(private_data: Path) -> None:
    cifar_archive(private_data / "datasets/cifar10/cifar-10-binary.tar.gz")
    found = datasets.open("cifar10")
    assert (found.input_shape, found.labels[3]) == ((3, 32, 32), "class3")
    assert found.class_counts("train") == (16,) * 10
    assert found.split("test")[0][0, :, 0, 0].tolist() == [77, 0, 0]


def test_an_archive_without_a_member_is_refused(private_data: Path) -> None:
    cifar_archive(private_data / "datasets/cifar10/cifar-10-binary.tar.gz", leave_out="test_batch.bin")
    with pytest.raises(DataSetError, match=r"cifar-10-binary.tar.gz lacks test_batch.bin; fetch it again"):
        datasets.open("cifar10")


def test_an_archive_that_is_none_is_refused(private_data: Path) -> None:
    folder = private_data / "datasets/cifar100"
    folder.mkdir(parents=True)
    (folder / "cifar-100-binary.tar.gz").write_bytes(b"hello")
    with pytest.raises(DataSetError, match="cannot be read"):
        datasets.open("cifar100")


def test_a_set_that_is_not_here_says_how_to_get_it(private_data: Path) -> None:
    message = datasets.absence("cifar10")
    assert "'manage.py dataset cifar10 --fetch'" in message
    assert f"place cifar-10-binary.tar.gz in {private_data}/datasets/cifar10" in message
    assert datasets.absence("digits") == ""
    assert "cifar10" not in datasets.available()


def mat(path: Path, count: int = 40, **changes: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    y = np.arange(count) % 10 + 1  # 10 stands for the digit 0
    x = np.random.default_rng(count).integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
    x[0, 0, :, :] = y
    savemat(str(path), {"X": x, "y": y[:, None].astype(np.uint8), **changes}, do_compression=True)


def test_the_mat_files_of_svhn_are_read(private_data: Path) -> None:
    folder = private_data / "datasets/svhn"
    mat(folder / "train_32x32.mat", 60)
    mat(folder / "test_32x32.mat", 20)
    found = datasets.open("svhn")
    assert (found.input_shape, found.labels) == ((3, 32, 32), tuple("0123456789"))
    images, targets = found.split("test")
    assert images[:, :, 0, 0].tolist() == [[target or 10] * 3 for target in targets.tolist()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros((32, 32, 3, 4), np.float64)}, r"must hold X \(32, 32, 3, N\) of uint8"),
        ({"X": np.zeros((16, 16, 3, 40), np.uint8)}, r"must hold X .* but holds X \(16, 16, 3, 40\) of uint8"),
        ({"y": np.zeros((3, 1), np.uint8)}, r"y \(3, 1\) of uint8"),
    ],
)
def test_a_mat_file_of_something_else_is_refused(
    changes: dict[str, np.ndarray], message: str, private_data: Path
) -> None:
    folder = private_data / "datasets/svhn"
    mat(folder / "train_32x32.mat", **changes)
    mat(folder / "test_32x32.mat")
    with pytest.raises(DataSetError, match=message):
        datasets.open("svhn")


@pytest.mark.parametrize("fault", ["empty", "text", "cut off", "flipped"])
def test_a_damaged_mat_file_is_refused(fault: str, private_data: Path) -> None:
    folder = private_data / "datasets/svhn"
    mat(folder / "train_32x32.mat")
    mat(folder / "test_32x32.mat")
    path = folder / "train_32x32.mat"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    damaged = {"empty": b"", "text": b"hello", "cut off": bytes(whole[:500]), "flipped": bytes(whole)}
    path.write_bytes(damaged[fault])
    with pytest.raises(DataSetError, match=r"train_32x32\.mat"):
        datasets.open("svhn")


class Server(http.server.BaseHTTPRequestHandler):
    """Sends one file, in ranges; ``cut`` bytes at most the first time."""

    content = bytes(range(256)) * 40
    cut = 0
    asked: list[str] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        body = self.content[start:]
        self.wfile.write(body[: type(self).cut] if type(self).cut else body)
        type(self).cut = 0

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked, Server.cut = [], 0
    listening = http.server.HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}/file.bin"
    listening.shutdown()
    thread.join()
    listening.server_close()


def file_at(url: str, content: bytes = Server.content) -> OfficialFile:
    return OfficialFile("file.bin", url, hashlib.md5(content).hexdigest())


def test_a_file_is_fetched_once_with_progress(server: str) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = fetch("small", [file_at(server)], lambda *moment: seen.append(moment))
    assert (folder / "file.bin").read_bytes() == Server.content
    assert seen[-1] == ("file.bin", len(Server.content), len(Server.content))
    fetch("small", [file_at(server)], lambda *moment: None)
    assert Server.asked == [""]


def test_a_fetch_that_was_cut_off_goes_on(server: str) -> None:
    part = data_folder("small") / "file.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(Server.content[:1000])
    fetch("small", [file_at(server)], lambda *moment: None)
    assert Server.asked == ["bytes=1000-"]
    assert (data_folder("small") / "file.bin").read_bytes() == Server.content


def test_a_connection_that_breaks_keeps_what_came(server: str) -> None:
    Server.cut = 3000
    with pytest.raises(DataSetError, match=r"cut off after 3,000 of 10,240 bytes; try again: it continues there"):
        fetch("small", [file_at(server)], lambda *moment: None)
    fetch("small", [file_at(server)], lambda *moment: None)
    assert Server.asked == ["", "bytes=3000-"]
    assert (data_folder("small") / "file.bin").read_bytes() == Server.content


def test_a_file_that_was_packed_anew_is_known_by_its_content() -> None:
    content = bytes(1000)
    file = OfficialFile("a.gz", "http://127.0.0.1:9/a.gz", "0" * 32, hashlib.sha256(content).hexdigest())
    path = data_folder("small") / "a.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(content, 1, mtime=1))
    assert fetch("small", [file], lambda *moment: None) == path.parent
    path.write_bytes(gzip.compress(content + b"1"))
    with pytest.raises(DataSetError, match=r"is not the official file \(its hash differs\)"):
        fetch("small", [file], lambda *moment: None)
    path.write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(DataSetError, match="is not the official file"):
        fetch("small", [file], lambda *moment: None)


@pytest.mark.skipif(not DEBIAN.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_debians_fashion_mnist_is_the_official_one() -> None:
    assert all(file.is_at(DEBIAN / file.name) for file in FashionMnist.files)


def test_another_file_than_the_official_one_is_refused(server: str) -> None:
    with pytest.raises(DataSetError, match="not the official one"):
        fetch("small", [file_at(server, b"other")], lambda *moment: None)
    assert list(data_folder("small").iterdir()) == []


def test_a_site_that_cannot_be_reached_says_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT_SECONDS", 1)
    with pytest.raises(DataSetError, match=r"or place the file in .* by hand"):
        fetch("small", [file_at("http://127.0.0.1:9/file.bin")], lambda *moment: None)

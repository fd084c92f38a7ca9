"""Readers of what strangers send, with arbitrary damage: a value, or the reader's one sentence, and nothing else."""

import io
import json as plain_json
import zipfile
import zlib
from base64 import b85decode, b85encode
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rest_framework.exceptions import APIException

from architectures.ir import compact, json
from architectures.ir.verify import GraphError
from searches.api.parsers import BoundedJSONParser
from searches.evaluation import datasets
from searches.evaluation.datasets import DataSetError
from searches.evaluation.datasets.reading.images import Entry, decode
from searches.spec import SearchSpec, SpecErrors
from tests.architectures.networks import two_branches
from tests.searches.evaluation.worlds import images

few = settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# -- damage to bytes

places = st.floats(0, 1, exclude_max=True)
edits = st.lists(
    st.tuples(st.sampled_from(("set", "cut", "insert", "repeat", "end")), places, st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """Each edit is one kind of damage at a share of the length."""
    for kind, place, new in edits:
        at = int(place * len(content))
        rest = content[at:]
        if kind == "set":
            rest = new + rest[len(new) :]
        elif kind == "cut":
            rest = rest[new[0] :]
        elif kind == "insert":
            rest = new + rest
        elif kind == "repeat":
            rest = content[max(0, at - new[0]) :]
        else:
            rest = new
        content = content[:at] + rest
    return content


# -- damage to JSON

texts = st.text(max_size=12)
numbers = st.one_of(st.integers(), st.sampled_from((0, -1, 2**31, 2**63, 2**64, 10**400)), st.floats(), st.booleans())
values = st.recursive(
    st.one_of(st.none(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
change = st.tuples(st.lists(places, max_size=5), st.sampled_from(("set", "drop", "twice")), values)
changes = st.lists(change, min_size=1, max_size=3)


def changed(document: Any, changes: list[tuple[list[float], str, Any]]) -> Any:
    """Each change leads from the root down to an entry, which is replaced, left out or repeated."""
    document = plain_json.loads(plain_json.dumps(document))
    for way, kind, value in changes:
        document = _changed(document, way, kind, value)
    return document


def _changed(document: Any, way: list[float], kind: str, value: Any) -> Any:
    if not way or not isinstance(document, dict | list) or not document:
        return value
    keys = list(document) if isinstance(document, dict) else range(len(document))
    key = keys[int(way[0] * len(keys))]
    if len(way) > 1:
        document[key] = _changed(document[key], way[1:], kind, value)
    elif kind == "set":
        document[key] = value
    elif kind == "drop":
        del document[key]
    elif isinstance(document, list):
        document.insert(key, document[key])
    else:
        document[str(value)[:9]] = document[key]
    return document


# -- files


def one_sentence(error: Exception, begins: str = "") -> None:
    """A program is told by a status below 500."""
    assert getattr(error, "status_code", 400) < 500
    assert str(error).startswith(begins)
    assert 0 < len(str(error).strip()) < 2000
    assert "Traceback" not in str(error)


def read(path: Path, content: bytes) -> None:
    """The data set of this content, or its own sentence; either way the folder is as it was."""
    path.write_bytes(content)
    try:
        found = datasets.open(path)
    except DataSetError as error:
        one_sentence(error)
    else:
        assert len(found.images) == len(found.targets) > 0
        assert np.isfinite(found.images).all()
    assert list(path.parent.iterdir()) == [path]


def picture(format: str) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(stream, format, **({"exif": exif} if format in ("JPEG", "PNG", "WEBP", "TIFF") else {}))
    return stream.getvalue()


def grey(number: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8), number, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


PNGS = [grey(number) for number in range(10)]


def zip_of(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


PETS = [(f"{('cats', 'dogs')[number % 2]}/{number}.png", content) for number, content in enumerate(PNGS)]


@few
@given(edits, st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
def test_a_damaged_zip(tmp_path: Path, edits: Any, method: int) -> None:
    read(tmp_path / "pets.zip", damaged(zip_of(PETS, method), edits))


@few
@pytest.mark.filterwarnings("ignore:Duplicate name")
@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=40)), max_size=4))
def test_a_zip_of_anything(tmp_path: Path, members: list[tuple[str, bytes]]) -> None:
    named = [(name.encode("utf-8", "replace").decode(), content) for name, content in members]
    beside = [(f"cats/{name}.png", content) for name, content in named]
    read(tmp_path / "pets.zip", zip_of([*PETS, *named, *beside]))


@few
@given(st.sampled_from(("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM")), edits)
def test_a_damaged_image(format: str, edits: Any) -> None:
    try:
        pixels = decode(Entry(PurePosixPath("cats/1.png"), lambda: damaged(picture(format), edits)))
    except DataSetError as error:
        one_sentence(error, "cats/1.png")
    else:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3


def npy(value: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value, allow_pickle=False)
    return stream.getvalue()


X, Y = (npy(value) for value in images(24, 2))


@few
@given(edits, st.sampled_from(("x.npy", "y.npy", "file")))
def test_a_damaged_npz(tmp_path: Path, edits: Any, where: str) -> None:
    whole = {"x.npy": X, "y.npy": Y}
    content = zip_of([(name, damaged(array, edits) if name == where else array) for name, array in whole.items()])
    read(tmp_path / "a.npz", damaged(content, edits) if where == "file" else content)


headers = st.fixed_dictionaries(
    {
        "descr": st.one_of(
            st.sampled_from(("|u1", "<f4", "|O", "<U3", "<M8[s]", ">i8", "|V4", "<c8", "|b1", "<f2", ",")), values
        ),
        "fortran_order": st.one_of(st.booleans(), values),
        "shape": st.one_of(st.lists(st.integers(-2, 70), max_size=5).map(tuple), values),
    }
)


@few
@given(headers, st.binary(max_size=200))
def test_an_npz_with_any_header(tmp_path: Path, header: dict[str, Any], body: bytes) -> None:
    text = repr(header).encode("utf-8", "replace")[:60000].ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body
    read(tmp_path / "a.npz", zip_of([("x.npy", content), ("y.npy", Y)]))


kinds = st.sampled_from(("f2", "f4", "f8", "u1", "i4", "c8", "bool", "S2", "U2", "M8[s]", "i8", "u8"))
sides = st.lists(st.sampled_from((0, 1, 2, 3, 4, 8, 24)), max_size=5)


def array(kind: str, shape: list[int], some: bytes) -> Any:
    """Filled with these bytes over and over."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    return np.frombuffer((some * (size + 1))[:size], dtype=kind).reshape(shape)


@few
@given(kinds, sides, kinds, sides, st.binary(min_size=1, max_size=30))
def test_an_npz_of_any_arrays(tmp_path: Path, x: str, xs: list[int], y: str, ys: list[int], some: bytes) -> None:
    read(tmp_path / "a.npz", zip_of([("x.npy", npy(array(x, xs, some))), ("y.npy", npy(array(y, ys, some)))]))


# -- specs


SPEC = SearchSpec().to_document()
SPECS = [SearchSpec.from_document({"algorithm": name}).to_document() for name in ("nsga2", "portfolio", "reinforce")]


@few
@given(st.sampled_from(SPECS), changes)
def test_a_changed_spec(document: Any, changes: Any) -> None:
    try:
        spec = SearchSpec.from_document(changed(document, changes))
    except SpecErrors as errors:
        for error in errors.problems:
            one_sentence(error)
    else:
        assert SearchSpec.from_document(spec.to_document()) == spec


@few
@given(edits)
def test_a_damaged_body(edits: Any) -> None:
    content = damaged(plain_json.dumps(SPEC).encode(), edits)
    try:
        document = BoundedJSONParser().parse(io.BytesIO(content))
    except APIException as error:
        one_sentence(error)
        return
    try:
        SearchSpec.from_document(document)
    except SpecErrors as errors:
        one_sentence(errors)


# -- graphs

GRAPH = json.to_document(two_branches(literal=True))


def read_graph(reader: Callable[[str], Any], text: str) -> None:
    try:
        graph = reader(text)
    except GraphError as error:
        one_sentence(error)
    else:
        assert json.loads(json.dumps(graph)) == graph


@few
@given(changes)
def test_a_changed_architecture(changes: Any) -> None:
    read_graph(json.loads, plain_json.dumps(changed(GRAPH, changes)))


@few
@given(edits)
def test_a_damaged_architecture(edits: Any) -> None:
    read_graph(json.loads, damaged(plain_json.dumps(GRAPH).encode(), edits).decode("utf-8", "replace"))


def unpacked(text: str) -> Any:
    return plain_json.loads(zlib.decompressobj(-15, zdict=compact._ZDICT).decompress(b85decode(text[1:])))


def packed(document: Any) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=compact._ZDICT)
    return "1" + b85encode(packer.compress(plain_json.dumps(document).encode()) + packer.flush()).decode()


COMPACT = unpacked(compact.dumps(two_branches(literal=True)))


@few
@given(changes)
def test_a_changed_compact_form(changes: Any) -> None:
    read_graph(compact.loads, packed(changed(COMPACT, changes)))

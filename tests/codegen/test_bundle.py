"""A bundle: points of a front as variants, named by size; its programs run the variant that is asked for."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from architectures.ir.json import dumps
from codegen.bundle import BundleRequest
from codegen.repository_request import Figure, RequestError
from tests.codegen.networks import request, small
from tests.codegen.test_gate import network

ROOT = Path(__file__).parents[2]
WANTED = {"LICENSE", "MANIFEST.json", "README.md", "deploy.py", "inference.py", "launch.py", "train.py"}


def bundle() -> BundleRequest:
    figures = (Figure("accuracy", 0.9),)
    large = request(small(), name="front 3", results=figures)
    return BundleRequest.of("Two points", [large, request(network(), name="front 7")])


def test_variants_are_named_by_their_size() -> None:
    assert {name: each.name for name, each in bundle().variants.items()} == {"small": "front 7", "large": "front 3"}
    three = BundleRequest.of("Three", [request(name=name) for name in "abc"])
    assert list(three.variants) == ["small", "base", "large"]


def test_it_comes_back_from_its_document() -> None:
    assert BundleRequest.from_document(json.loads(json.dumps(bundle().to_document()))) == bundle()


@pytest.mark.parametrize("count", [0, 1, 6])
def test_it_is_two_to_five_networks(count: int) -> None:
    with pytest.raises(RequestError, match=f"variants must be 2 to 5 networks, but are {count}"):
        BundleRequest.of("Some", [request(name=f"net {number}") for number in range(count)])


def test_a_variant_is_no_path() -> None:
    document = bundle().to_document()
    document["variants"]["../up"] = document["variants"].pop("small")
    with pytest.raises(RequestError, match=r"variants are named tiny, small, base, large, huge, but one is '\.\./up'"):
        BundleRequest.from_document(document)


@pytest.mark.slow
def test_a_bundle_is_generated_and_its_programs_take_a_variant(tmp_path: Path) -> None:
    for name, graph in (("first", small()), ("second", network())):
        (tmp_path / f"{name}.json").write_text(dumps(graph), encoding="utf-8")
    command = [sys.executable, str(ROOT / "manage.py"), "generate", "first.json", "second.json", "--out", "two-points"]
    command += ["--frameworks", "pytorch", "--licence", "BSD-3-Clause", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert [check["name"] for check in verdict["checks"]] == ["small", "large", "--variant small", "--variant large"]
    with zipfile.ZipFile(tmp_path / "two-points.zip") as archive:
        archive.extractall(tmp_path / "unzipped")
    folder = tmp_path / "unzipped" / "two-points"
    assert "Redistribution" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert {path.name for path in folder.iterdir()} >= WANTED
    assert "| `large` |" in (folder / "README.md").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, "deploy.py", "--variant", "large", "verify"], cwd=folder, check=False)
    assert done.returncode == 0
    unknown = [sys.executable, "inference.py", "--variant", "giant", "picture.png"]
    refused = subprocess.run(unknown, cwd=folder, capture_output=True, text=True, check=False)
    assert "invalid choice: 'giant'" in refused.stderr

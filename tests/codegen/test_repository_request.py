"""Requests: a frozen document that round-trips, and messages that name the field."""

import json
from pathlib import Path

import pytest

from codegen.repository_request import Figure, Neighbour, RepositoryRequest, RequestError
from tests.codegen.networks import request


def test_a_request_comes_back_from_its_document() -> None:
    asked = request(
        results=(Figure("test_accuracy", 0.98, note="360 images"),),
        front=(Neighbour(4, {"accuracy": 0.98}, chosen=True),),
        objectives=({"name": "accuracy", "direction": "maximise", "unit": ""},),
        exports=("onnx",),
    )
    assert RepositoryRequest.from_document(json.loads(asked.dumps())) == asked


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "  "}, "name must have 1 to 200 characters"),
        ({"name": "x" * 10_000}, "name must have 1 to 200 characters, but has 10000"),
        ({"licence": "GPL"}, "licence must be one of MIT, Apache-2.0, BSD-3-Clause, proprietary, but is 'GPL'"),
        ({"max_accuracy_drop": -1.0}, "max_accuracy_drop must be from 0 to 1, but is -1.0"),
        ({"data": {"labels": ["a"]}}, "data.labels must be 3, one per class, but are 1"),
    ],
)
def test_it_names_the_field_that_is_wrong(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        request(**changes)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "request must be a JSON object, but is list"),
        ({"format": "something"}, "format must be 'nas-portal/repository-request', version 1"),
        ({"name": "x"}, "architecture is missing"),
        ({"name": "x", "architecture": {}, "colour": 1}, "colour is no field of a repository request"),
    ],
)
def test_it_refuses_other_documents(document: object, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        RepositoryRequest.from_document(document)  # type: ignore[arg-type]


def test_a_figure_is_measured_estimated_or_counted() -> None:
    with pytest.raises(RequestError, match="'latency' is 'guessed'"):
        Figure("latency", 1.0, kind="guessed")
    with pytest.raises(RequestError, match="must be finite"):
        Figure("latency", float("nan"))


def test_a_file_that_is_no_json_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("{", encoding="utf-8")
    with pytest.raises(RequestError, match=r"request request\.json is not readable JSON"):
        RepositoryRequest.read(tmp_path / "request.json")

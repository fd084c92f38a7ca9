"""architecture.json and the compact form: exact, and one sentence for whatever is wrong with them."""

import json as plain_json
import re
from typing import Any

import pytest

from architectures.ir import compact, json
from architectures.ir.graph import Graph
from architectures.ir.verify import GraphError
from tests.architectures.networks import plain, two_branches


def test_the_document_says_what_it_is():
    document = json.to_document(plain(), {"space": "chain"})
    assert document["format"] == "nas-portal/architecture"
    assert (document["version"], document["input"], document["classes"]) == (1, [3, 8, 8], 3)
    assert document["origin"] == {"space": "chain"}
    assert document["nodes"][1] == {
        "name": "layer1.conv",
        "kind": "Conv2d",
        "attributes": {
            "out_channels": 8,
            "kernel": 3,
            "stride": 1,
            "padding": 1,
            "dilation": 1,
            "groups": 1,
            "bias": False,
        },
        "inputs": ["input"],
        "shape": [8, 8, 8],
    }


def test_the_text_is_canonical():
    assert json.dumps(plain()) == json.dumps(json.loads(json.dumps(plain())))
    assert json.loads(json.dumps(plain(), {"space": "chain"})) == plain()


def edited(path: tuple[Any, ...], value: Any) -> str:
    document = json.to_document(plain())
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return plain_json.dumps(document)


BAD = [
    ("", "the graph: the text must be JSON, but Expecting value at line 1"),
    ("[]", "the graph: the document's format must be 'nas-portal/architecture', but is []"),
    (edited(("format",), "onnx"), "the graph: the document's format must be 'nas-portal/architecture', but is 'onnx'"),
    (edited(("version",), 2), "the graph: this portal reads version 1, but version is 2"),
    (edited(("version",), True), "the graph: this portal reads version 1, but version is True"),
    (edited(("nodes",), {}), "the graph: must have between 2 and 5,000 nodes, but nodes is {}"),
    (edited(("nodes",), [0] * 10_000), "the graph: must have between 2 and 5,000 nodes, but has 10,000"),
    (edited(("nodes", 1), 7), "the graph: each node must be an object with a name, but number 1 is 7"),
    (edited(("nodes", 1, "inputs"), "input"), "node 'layer1.conv': inputs must be a list of names, but is 'input'"),
    (
        edited(("nodes", 1, "inputs"), ["layer2.conv"]),
        "node 'layer1.conv': inputs must be nodes that stand before it (no cycles), but 'layer2.conv' does not",
    ),
    (
        edited(("nodes", 1, "kind"), "Conv3d"),
        "node 'layer1.conv': the kind must be a known primitive, but no primitive is named 'Conv3d'; "
        "did you mean 'Conv2d'?",
    ),
    (
        edited(("nodes", 1, "attributes", "kernel"), 3.5),
        "node 'layer1.conv': kernel must be an integer, but is 3.5",
    ),
    (
        edited(("nodes", 1, "attributes", "out_channels"), 10**9),
        "node 'layer1.conv': out_channels must be between 1 and 65536, but is 1000000000",
    ),
    (
        edited(("nodes", 1, "attributes", "bias"), KeyError),
        "node 'layer1.conv': attributes of Conv2d are ['bias', 'dilation', 'groups', 'kernel', 'out_channels', "
        "'padding', 'stride'], but are ['dilation', 'groups', 'kernel', 'out_channels', 'padding', 'stride']",
    ),
    (
        edited(("nodes", 2, "attributes", "eps"), "small"),
        "node 'layer1.norm': eps must be a number, but is 'small'",
    ),
    (
        edited(("nodes", 2, "attributes", "eps"), -1),
        "node 'layer1.norm': eps must be between 0 and 1, but is -1.0",
    ),
    (
        edited(("nodes", 1, "shape"), [8, 8, 9]),
        "node 'layer1.conv': Conv2d of (3, 8, 8) gives (8, 8, 8), but says (8, 8, 9)",
    ),
    (
        edited(("nodes", 1, "shape"), ["8"]),
        "node 'layer1.conv': the shape must be a list of integers, but is ['8']",
    ),
    (edited(("classes",), 4), "the graph: its last node gives 3 classes, but classes is 4"),
    (edited(("input",), [1, 8, 8]), "the graph: its first node takes [3, 8, 8], but the input is [1, 8, 8]"),
    ('{"a": ' + "1" * 5000 + "}", "the graph: numbers must have at most 4,300 digits, but one has more"),
    ('{"a": 1, "a": 2}', "the graph: keys must be unique, but 'a' stands there twice"),
    ("[" * 100_000, "the graph: the text must be an architecture, but is nested too deeply"),
    (" " * 8_000_001, "the graph: the text may have at most 8,000,000 characters, but has 8,000,001"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message[:60] for _, message in BAD])
def test_a_bad_document_is_refused_in_one_sentence(text: str, message: str):
    with pytest.raises(GraphError) as refused:
        json.loads(text)
    assert str(refused.value) == message


@pytest.mark.parametrize("graph", [plain(), plain(30), two_branches()], ids=["plain", "deep", "branches"])
def test_the_compact_form_is_exact_and_short(graph: Graph):
    text = compact.dumps(graph)
    assert compact.loads(text) == graph
    assert len(text) * 5 < len(json.dumps(graph))


@pytest.mark.parametrize("text", ["", "2abc", "1", "1!!!", "1" + "~" * 50, compact.dumps(plain())[:-9]])
def test_a_damaged_compact_form_is_refused(text: str):
    with pytest.raises(GraphError, match=r"^the graph: (this portal reads version 1|the text must be a graph's)"):
        compact.loads(text)


def read(text: str) -> str:
    """ "" if the text is a graph, else why it is not."""
    try:
        compact.loads(text)
    except GraphError as refused:
        return str(refused)
    return ""


def test_every_changed_letter_of_a_compact_form_is_refused_or_verifies():
    text = compact.dumps(two_branches())
    for place in range(1, len(text)):
        for letter in "0z~":
            assert re.match(r"(node '|the graph: |\Z)", read(text[:place] + letter + text[place + 1 :]))

"""Options: read from a document, written as the canonical one, described as a JSON Schema, out of one declaration."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from architectures.documents import SpecError, SpecErrors
from architectures.options import json_schema, number, option, options, read, settle, to_document


@dataclass(frozen=True)
class Member:
    """One of several, with options of its own."""

    name: str = option(help="name of the algorithm")
    options: Mapping[str, Any] = option(help="its options", factory=dict)
    share: float | None = option(None, "its share", above=0, max=1.0, empty="an equal share")


@dataclass(frozen=True)
class Shape:
    """A group of options."""

    sides: tuple[int, ...] = option((3,), "sides of the kernel", choices=(1, 3, 5))


@dataclass(frozen=True)
class Example:
    """Each kind of option once."""

    count: int = option(4, "how many there are", label="networks", unit="networks", min=1, max=1000)
    rate: float = option(0.5, "how fast", min=0.0, max=1.0, advanced=True)
    kind: str = option("plain", "which one", choices=("plain", "fancy"))
    is_on: bool = option(False, "whether it is on")
    names: tuple[str, ...] = option(("a",), "what they are called")
    shape: Shape = option(Shape(), "how it looks")
    members: tuple[Member, ...] = option((), "who takes part")
    later: int | None = option(None, "what came later", since="2.0")


def faults(document: Any) -> dict[str, str]:
    with pytest.raises(SpecErrors) as caught:
        read(Example, document)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_an_option_says_once_what_it_is() -> None:
    count, rate, *_ = options(Example)
    assert (count.title, count.unit, count.help, count.default) == ("Networks", "networks", "how many there are", 4)
    assert (count.min, count.max, count.type_name, count.advanced) == (1, 1000, "int", False)
    assert (rate.title, rate.advanced) == ("Rate", True)


def test_an_empty_document_is_the_defaults() -> None:
    assert read(Example, {}) == Example()


def test_a_list_of_objects_is_read_with_its_options() -> None:
    found = read(Example, {"members": [{"name": "nsga2", "options": {"population": 5}}, {"name": "darts", "share": 1}]})
    assert found.members == (Member("nsga2", {"population": 5}), Member("darts", share=1.0))
    assert read(Example, to_document(found)) == found


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        ({"members": [{"name": "a"}, {"nam": "b"}]}, "members.1.nam", "is not known; did you mean 'name'?"),
        ({"members": [{}]}, "members.0.name", "must be given"),
        ({"members": [7]}, "members.0", "must be a JSON object, but is 7"),
        ({"members": {"name": "a"}}, "members", "must be a list of at most 1,024 JSON objects, but is a JSON object"),
        (
            {"members": [{"name": "a", "share": 0}]},
            "members.0.share",
            "must be above 0, but is 0; leave it out for an equal share",
        ),
        (
            {"members": [{"name": "a", "options": {"x": {}}}]},
            "members.0.options.x",
            "must be a number, a text, true, false, or a list of such",
        ),
        ({"shape": {"sides": [3, 4]}}, "shape.sides", "must be one of 1, 3, 5, but is 4"),
        ({"shape": {"sides": [3, 3.0]}}, "shape.sides", "must not repeat a value, but is [3, 3.0]"),
        ({"shape": {"sides": []}}, "shape.sides", "must be a list of at least one value, but is []"),
        ({"shape": {"sides": [3, "x"]}}, "shape.sides", "must hold whole numbers, but has 'x'"),
        ({"shape": {"sides": 3}}, "shape.sides", "must be a list of whole numbers, but is 3"),
        ({"names": ["a", 7]}, "names", "must hold names, but has 7"),
        ({"is_on": 1}, "is_on", "must be true or false, but is 1"),
    ],
)
def test_each_fault_is_said_with_its_path(document: Any, field: str, message: str) -> None:
    assert faults(document)[field] == message


def test_all_faults_are_said_at_once() -> None:
    assert set(faults({"count": 0, "members": [{"name": 1}, {"share": 2}]})) == {
        "count",
        "members.0.name",
        "members.1.name",
        "members.1.share",
    }


def test_a_whole_float_is_a_whole_number_wherever_it_stands() -> None:
    found = read(Example, {"count": 8.0, "shape": {"sides": [5.0]}})
    assert (found.count, found.shape.sides) == (8, (5,))
    assert {type(found.count), type(found.shape.sides[0])} == {int}


def test_a_later_option_stands_in_the_document_only_where_it_is_not_its_default() -> None:
    assert "later" not in to_document(Example())
    assert to_document(Example(later=3))["later"] == 3
    assert read(Example, to_document(Example(later=3))) == Example(later=3)
    assert set(to_document(Example())) == {each.name for each in options(Example)} - {"later"}


def test_the_schema_says_what_is_read() -> None:
    properties = json_schema(Example)["properties"]
    assert properties["count"] == {
        "title": "Networks", "description": "How many there are. In networks.", "type": "integer", "minimum": 1,
        "maximum": 1000, "default": 4,
    }  # fmt: skip
    assert properties["later"]["type"] == ["integer", "null"]
    assert properties["shape"]["properties"]["sides"]["items"] == {"type": "integer", "enum": [1, 3, 5]}
    member = properties["members"]["items"]
    assert (member["required"], member["additionalProperties"]) == (["name"], False)
    assert member["properties"]["share"]["exclusiveMinimum"] == 0


def test_what_is_made_in_code_is_checked_and_settled() -> None:
    @dataclass(frozen=True)
    class Settled(Shape):
        def __post_init__(self) -> None:
            settle(self)

    assert Settled(sides=(5.0,)).sides == (5,)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="sides: must be one of 1, 3, 5, but is 7"):
        Settled(sides=(7,))


def test_errors_cross_processes() -> None:
    error = SpecErrors((SpecError("count", "must be at least 1, but is 0"),))
    assert str(pickle.loads(pickle.dumps(error))) == "count: must be at least 1, but is 0"


@pytest.mark.parametrize(
    ("text", "value"),
    [("250K", 250_000), ("1.5 M", 1_500_000), ("1_000", 1000), ("1,000", 1000), ("2e6", 2_000_000), ("2Gi", 2**31)],
)
def test_it_reads_numbers_as_people_write_them(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "many", "12 apples", "K"])
def test_it_leaves_a_text_that_is_no_number(text: str) -> None:
    assert number(text) == text

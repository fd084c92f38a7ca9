"""Every option of the spec and of what the registries hold says what it is, in words that a page can show."""

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import pytest

from architectures import spaces
from architectures.options import Option, checked, options
from searches import algorithms
from searches.spec import SearchSpec

OBSOLETE = ("data set", "who ", "so many", "counted cost", "weight sharing")
FRAGMENTS = ("of ", "by ", "at ", "for ", "as ", "with ")


def every(cls: Any, path: str) -> Iterator[tuple[str, Option]]:
    for each in options(cls):
        yield f"{path}{each.name}", each
        if is_dataclass(each.default):
            yield from every(each.scalar, f"{path}{each.name}.")


def known() -> dict[str, Option]:
    owners = {f"{name}.": registry.get(name) for registry in (algorithms, spaces) for name in registry.names()}
    return {path: each for start, cls in ({"": SearchSpec} | owners).items() for path, each in every(cls, start)}


KNOWN = known()


@pytest.mark.parametrize("path", KNOWN)
def test_it_says_what_it_is(path: str) -> None:
    each = KNOWN[path]
    assert len(each.help.split()) > 1
    assert not each.help.startswith(FRAGMENTS), each.help
    assert not each.help.endswith(".")
    assert [words for words in OBSOLETE if words in f"{each.help} {each.label}"] == []
    assert len(each.title) <= 40


@pytest.mark.parametrize("path", KNOWN)
def test_its_default_is_legal(path: str) -> None:
    each = KNOWN[path]
    assert checked(each, each.default, path) == each.default


@pytest.mark.parametrize("path", KNOWN)
def test_one_that_may_be_left_out_says_what_that_means(path: str) -> None:
    assert KNOWN[path].empty or not KNOWN[path].optional

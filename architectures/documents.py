"""What can be wrong with a document that somebody gave us: the field, the rule, the value and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any


class SpecError(ValueError):
    """One thing that is wrong with a spec; ``field`` is the path of the entry, such as ``limits.max_params``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, str]]:
        return type(self), (self.field, self.message)


class SpecErrors(ValueError):
    """All that is wrong with a spec, found in one reading."""

    def __init__(self, problems: tuple[SpecError, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[SpecErrors], tuple[tuple[SpecError, ...]]]:
        return type(self), (self.problems,)


def plain(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def shorten(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:37]}…"


def describe(value: Any) -> str:
    """A value as a message shows it: short, and safe whatever it is."""
    if isinstance(value, Mapping):
        return "a JSON object"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "empty"
    if isinstance(value, int) and abs(value) > 10**20:
        return "a number of more than 20 digits"
    return repr(shorten(value)) if isinstance(value, str) else repr(value)


def did_you_mean(name: str, names: list[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"

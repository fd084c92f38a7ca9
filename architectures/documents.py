"""Reads frozen dataclasses from JSON documents: types, bounds and unknown names, each fault with its path."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any, get_args, get_type_hints

MAX_NUMBER = 1e300  # NaN is not below it, infinity neither; a whole number above it has no float


class SpecError(ValueError):
    """One thing that is wrong with a spec; ``field`` is the path of the entry, such as ``limits.max_params``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class SpecErrors(ValueError):
    """All that is wrong with a spec, found in one reading."""

    def __init__(self, problems: tuple[SpecError, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Entry:
    """What may stand in one field of a document: its type, its default, its bounds."""

    name: str
    type: Any
    default: Any
    min: float | None
    max: float | None
    choices: tuple[Any, ...] | None

    @property
    def optional(self) -> bool:
        return type(None) in get_args(self.type)

    @property
    def scalar(self) -> Any:
        """The type without None: int, float, bool or str."""
        kinds = [each for each in get_args(self.type) if each is not type(None)]
        return float if float in kinds else kinds[0] if kinds else self.type


def entries(cls: type) -> tuple[Entry, ...]:
    """The fields of a dataclass that a document may set; derived state is none."""
    hints = get_type_hints(cls)
    return tuple(entry(each, hints[each.name]) for each in fields(cls) if each.init)


def entry(each: Any, hint: Any) -> Entry:
    default = each.default if each.default_factory is MISSING else each.default_factory()
    facts = each.metadata
    return Entry(each.name, hint, default, facts.get("min"), facts.get("max"), facts.get("choices"))


class Reading:
    """Reads dataclasses from mappings and keeps every fault with its path."""

    def __init__(self) -> None:
        self.problems: list[SpecError] = []

    def read(self, cls: Any, document: Any, path: str) -> Any:
        """An instance; a field with a fault keeps its default, so that the reading goes on."""
        if not isinstance(document, Mapping):
            self.problems.append(SpecError(path, f"must be a JSON object, but is {describe(document)}"))
            return cls()
        known = entries(cls)
        self.refuse_unknown(document, [entry.name for entry in known], path)
        values = {entry.name: self.value(entry, document, path) for entry in known}
        return cls(**values)

    def refuse_unknown(self, document: Mapping[Any, Any], names: list[str], path: str) -> None:
        for key in document:
            if key not in names:
                message = f"is not known; {did_you_mean(str(key), names)}"
                self.problems.append(SpecError(join(path, shorten(str(key))), message))

    def value(self, entry: Entry, document: Mapping[str, Any], path: str) -> Any:
        if entry.name not in document:
            return entry.default
        where, given = join(path, entry.name), document[entry.name]
        if is_dataclass(entry.default):
            return self.read(type(entry.default), given, where)
        try:
            return checked(entry, given, where)
        except SpecError as problem:
            self.problems.append(problem)
            return entry.default


def checked(entry: Entry, given: Any, path: str) -> Any:
    """The given value in the option's type and bounds."""
    if given is None and entry.optional:
        return None
    if isinstance(entry.default, Mapping):
        return flat_mapping(given, path)
    if isinstance(entry.default, tuple):
        return texts(given, path)
    value = scalar(entry.scalar, given, path)
    if entry.choices is not None and value not in entry.choices:
        raise SpecError(path, f"must be one of {', '.join(map(str, entry.choices))}, but is {describe(given)}")
    if entry.min is not None and value < entry.min:
        raise SpecError(path, f"must be at least {plain(entry.min)}, but is {describe(given)}")
    if entry.max is not None and value > entry.max:
        raise SpecError(path, f"must be at most {plain(entry.max)}, but is {describe(given)}")
    return value


def plain(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def scalar(kind: Any, given: Any, path: str) -> Any:
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if kind is bool and isinstance(given, bool):
        return given
    if kind is str and isinstance(given, str):
        return text(given, path)
    if kind is int and is_number and (isinstance(given, int) or given.is_integer()):
        return int(given)
    if kind is float and is_number and abs(given) <= MAX_NUMBER:
        return float(given)
    wanted = {bool: "true or false", str: "a text", int: "a whole number"}.get(kind, "a finite number")
    raise SpecError(path, f"must be {wanted}, but is {describe(given)}")


def text(given: str, path: str) -> str:
    if len(given) > 4096 or not given.isprintable():
        raise SpecError(path, f"must be at most 4096 printable characters, but is {describe(given)}")
    return given


def texts(given: Any, path: str) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)) or not all(isinstance(item, str) for item in given):
        raise SpecError(path, f"must be a list of names, but is {describe(given)}")
    return tuple(text(item, path) for item in given)


def flat_mapping(given: Any, path: str) -> dict[str, Any]:
    """Options by name; their values are judged by whom they belong to, so only their form is looked at."""
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise SpecError(path, f"must be a JSON object, but is {describe(given)}")
    for key, value in given.items():
        items = value if isinstance(value, (list, tuple)) else [value]
        if len(items) > 1024 or not all(item is None or isinstance(item, (str, int, float, bool)) for item in items):
            raise SpecError(join(path, shorten(key)), "must be a number, a text, true, false, or a list of such")
        if any(isinstance(item, float) and not isfinite(item) for item in items):
            raise SpecError(join(path, shorten(key)), f"must be finite, but is {describe(value)}")
    return dict(given)


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def shorten(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:37]}…"


def describe(value: Any) -> str:
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

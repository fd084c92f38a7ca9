"""Options: each says once its type, bounds, default, label, unit and help; all that shows or reads options asks here.

A frozen dataclass whose fields are made by `option` can be read from a JSON document (`Reading`, `read`), written as
its canonical document (`to_document`) and described as a JSON Schema (`json_schema`). Forms, the command line, the
API's schema and the reference pages are drawn from `options`. Fields may be numbers, texts, switches, tuples of these,
free mappings, dataclasses, and tuples of dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from architectures.documents import SpecError, SpecErrors, describe, did_you_mean, join, plain, shorten

T = TypeVar("T")

NOTHING: Any = MISSING  # the default of what a document must name
MAX_NUMBER = 1e300  # NaN is not below it, infinity neither; a whole number above it has no float
FACTORS = {letter: 10 ** (3 * power) for power, letter in enumerate("kmgt", 1)}
FACTORS |= {f"{letter}i": 2 ** (10 * power) for power, letter in enumerate("kmgt", 1)}
MOST_CHARACTERS, MOST_ITEMS = 4096, 1024
KINDS = {bool: "true or false", str: "a text", int: "a whole number", float: "a finite number"}
PLURALS = {bool: "true or false", str: "names", int: "whole numbers", float: "finite numbers"}


# What an option says


def option(
    default: T = NOTHING,
    help: str = "",
    *,
    label: str = "",
    unit: str = "",
    min: float | None = None,
    max: float | None = None,
    above: float | None = None,
    choices: tuple[Any, ...] = (),
    empty: str = "",
    advanced: bool = False,
    since: str = "",
    factory: Any = MISSING,
) -> T:
    """Makes a dataclass field that is an option.

    ``help`` is a plain sentence, ``label`` a few words (by default the name), ``unit`` what a number counts. ``above``
    is a bound that the value must exceed. ``empty`` says what no value means ("no limit"), ``advanced`` that few people
    need the option. A new option of a class that is in stored documents says the version ``since`` which there is one:
    the canonical document names it only where it differs from its default, and the default must be what a document
    without it meant.
    """
    facts = {
        "help": help, "label": label, "unit": unit, "min": min, "max": max, "above": above, "choices": choices,
        "empty": empty, "advanced": advanced, "since": since,
    }  # fmt: skip
    kept = {"default_factory": factory} if factory is not MISSING else {"default": default}
    return cast(T, field(**kept, metadata=facts))


@dataclass(frozen=True)
class Option:
    """An option as forms, command line, schemas, tables and readers need it."""

    name: str
    type: Any
    default: Any
    help: str = ""
    label: str = ""
    unit: str = ""
    min: float | None = None
    max: float | None = None
    above: float | None = None
    choices: tuple[Any, ...] = ()
    empty: str = ""
    advanced: bool = False
    since: str = ""

    @property
    def optional(self) -> bool:
        """Says that the option may be left without a value."""
        return type(None) in get_args(self.type)

    @property
    def required(self) -> bool:
        """Says that a document must name the option, which has no default."""
        return self.default is MISSING

    @cached_property
    def inner(self) -> Any:
        """The type without None."""
        kinds = [each for each in get_args(self.type) if each is not type(None)] if self.optional else [self.type]
        return kinds[0]

    @cached_property
    def several(self) -> bool:
        """Says that the value is a list."""
        return get_origin(self.inner) is tuple

    @cached_property
    def scalar(self) -> Any:
        """The type of one value: int, float, bool, str, Mapping or a dataclass; of a list that of its items."""
        kind = get_args(self.inner)[0] if self.several else self.inner
        return get_origin(kind) or kind

    @property
    def type_name(self) -> str:
        """The type in Python's words, such as "int | None"."""
        return self.type.__name__ if isinstance(self.type, type) else str(self.type)

    @property
    def title(self) -> str:
        """The label, or else the name in words."""
        words = self.label or self.name.replace("_", " ")
        return words[:1].upper() + words[1:]

    @property
    def is_fixed(self) -> bool:
        """Says that there is one possible value only, so that nobody need be asked."""
        return len(self.choices) == 1

    def is_silent(self, value: Any) -> bool:
        """Says that a canonical document leaves the value out: a later option at the default."""
        return bool(self.since) and value == self.default


def options(cls: Any) -> tuple[Option, ...]:
    """The options of a dataclass: its fields that carry a help text, in their order."""
    return _known(cls)


@lru_cache(maxsize=256)
def _known(cls: Any) -> tuple[Option, ...]:
    hints = get_type_hints(cls)
    return tuple(_option(each, hints[each.name]) for each in fields(cls) if "help" in each.metadata)


def _option(each: Field[Any], hint: Any) -> Option:
    default = each.default if each.default_factory is MISSING else each.default_factory()
    return Option(each.name, hint, default, **each.metadata)


# Reading


def read(cls: type[T], document: Any) -> T:
    """The instance that a document describes; SpecErrors with all faults."""
    reading = Reading()
    found = reading.read(cls, document, "")
    if reading.problems:
        raise SpecErrors(tuple(reading.problems))
    return cast(T, found)


def settle(instance: Any) -> None:
    """Checks the options of a frozen dataclass, in its ``__post_init__``, and keeps canonical values; SpecError."""
    for each in options(type(instance)):
        object.__setattr__(instance, each.name, checked(each, getattr(instance, each.name), each.name))


class Reading:
    """Reads dataclasses from mappings and keeps every fault with its path."""

    def __init__(self) -> None:
        self.problems: list[SpecError] = []

    def read(self, cls: Any, document: Any, path: str) -> Any:
        """An instance; a field with a fault keeps its default, so that the reading goes on.

        None if what has no default is missing or faulty.
        """
        if not isinstance(document, Mapping):
            self.problems.append(SpecError(path, f"must be a JSON object, but is {describe(document)}"))
            document = {}
            if any(each.required for each in options(cls)):
                return None
        known = options(cls)
        self.refuse_unknown(document, [each.name for each in known], path)
        values = {each.name: self.value(each, document, path) for each in known}
        return None if any(value is MISSING for value in values.values()) else cls(**values)

    def refuse_unknown(self, document: Mapping[Any, Any], names: list[str], path: str) -> None:
        for key in document:
            if key not in names:
                message = f"is not known; {did_you_mean(str(key), names)}"
                self.problems.append(SpecError(join(path, shorten(str(key))), message))

    def value(self, option: Option, document: Mapping[str, Any], path: str) -> Any:
        where = join(path, option.name)
        if option.name not in document:
            if option.required:
                self.problems.append(SpecError(where, "must be given"))
            return option.default
        given = document[option.name]
        if is_dataclass(option.scalar) and not (given is None and option.optional):
            return self._nested(option, given, where)
        try:
            return checked(option, given, where)
        except SpecError as problem:
            self.problems.append(problem)
            return option.default

    def _nested(self, option: Option, given: Any, path: str) -> Any:
        if not option.several:
            found = self.read(option.scalar, given, path)
            return option.default if found is None else found
        if not isinstance(given, (list, tuple)) or len(given) > MOST_ITEMS:
            rule = f"must be a list of at most {MOST_ITEMS:,} JSON objects"
            self.problems.append(SpecError(path, f"{rule}, but is {describe(given)}"))
            return option.default
        found = [self.read(option.scalar, each, f"{path}.{index}") for index, each in enumerate(given)]
        return tuple(each for each in found if each is not None)


def checked(option: Option, given: Any, path: str) -> Any:
    """The given value in the option's type and bounds; SpecError at the path."""
    if given is None and option.optional:
        return None
    if option.several:
        return _several(option, given, path)
    if option.scalar is Mapping:
        return flat_mapping(given, path)
    if is_dataclass(option.scalar):
        return given
    return _bounded(option, scalar(option.scalar, given, path), given, path)


def whole(option: Option, given: Any) -> Any:
    """A legal value as a canonical document has it: whole numbers that were given as floats are whole numbers."""
    if isinstance(given, (list, tuple)):
        return [whole(option, each) for each in given]
    return int(given) if option.scalar is int and isinstance(given, float) else given


def _several(option: Option, given: Any, path: str) -> tuple[Any, ...]:
    """The items of a list; one that is chosen from what is offered names something, and nothing twice."""
    kinds = PLURALS.get(option.scalar, "JSON objects")
    if not isinstance(given, (list, tuple)) or len(given) > MOST_ITEMS:
        raise SpecError(path, f"must be a list of {kinds}, but is {describe(given)}")
    if is_dataclass(option.scalar):
        return tuple(given)
    rule = f"must hold {kinds}, but has"
    found = tuple([_bounded(option, scalar(option.scalar, each, path, rule), each, path) for each in given])
    if option.choices and not found:
        raise SpecError(path, "must be a list of at least one value, but is []")
    if option.choices and len(set(found)) < len(found):
        raise SpecError(path, f"must not repeat a value, but is {list(given)}")
    return found


def _bounded(option: Option, value: Any, given: Any, path: str) -> Any:
    if option.choices and value not in option.choices:
        names = ", ".join(str(each) if each != "" else "nothing" for each in option.choices)
        raise SpecError(path, f"must be one of {names}, but is {describe(given)}")
    way_out = f"; leave it out for {option.empty}" if option.optional and option.empty else ""
    for bound, holds, rule in (
        (option.above, option.above is None or value > option.above, "above"),
        (option.min, option.min is None or value >= option.min, "at least"),
        (option.max, option.max is None or value <= option.max, "at most"),
    ):
        if not holds:
            raise SpecError(path, f"must be {rule} {plain(cast(float, bound))}, but is {describe(given)}{way_out}")
    return value


def scalar(kind: Any, given: Any, path: str, rule: str = "") -> Any:
    """The value in a plain type; a float that is whole is a whole number, wherever it stands. SpecError at the path."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if kind is bool and isinstance(given, bool):
        return given
    if kind is str and isinstance(given, str):
        return text(given, path)
    if kind is int and is_number and (isinstance(given, int) or given.is_integer()):
        return int(given)
    if kind is float and is_number and abs(given) <= MAX_NUMBER:
        return float(given)
    raise SpecError(path, f"{rule or f'must be {KINDS[kind]}, but is'} {describe(given)}")


def text(given: str, path: str) -> str:
    """Accepts a short printable text. Raises SpecError where it is too long or has control characters."""
    if len(given) > MOST_CHARACTERS or not given.isprintable():
        raise SpecError(path, f"must be at most {MOST_CHARACTERS} printable characters, but is {describe(given)}")
    return given


def flat_mapping(given: Any, path: str) -> dict[str, Any]:
    """Accepts options by name; their owners judge the values, so only the form is checked here.

    Raises SpecError where it is no flat JSON object of finite values.
    """
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise SpecError(path, f"must be a JSON object, but is {describe(given)}")
    for key, value in given.items():
        items = value if isinstance(value, (list, tuple)) else [value]
        if len(items) > MOST_ITEMS or not all(item is None or isinstance(item, (str, int, float)) for item in items):
            raise SpecError(join(path, shorten(key)), "must be a number, a text, true, false, or a list of such")
        if any(isinstance(item, float) and not isfinite(item) for item in items):
            raise SpecError(join(path, shorten(key)), f"must be finite, but is {describe(value)}")
    return dict(given)


# Writing


def to_document(instance: Any) -> dict[str, Any]:
    """The canonical document: every option with its value; a later one only where it differs from its default."""
    values = [(each, getattr(instance, each.name)) for each in options(type(instance))]
    return {each.name: _written(value) for each, value in values if not each.is_silent(value)}


def _written(value: Any) -> Any:
    if is_dataclass(value):
        return to_document(value)
    if isinstance(value, (list, tuple)):
        return [_written(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value


# JSON Schema

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def json_schema(cls: Any) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the documents that ``Reading`` takes for a dataclass."""
    known = options(cls)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: _described(each) for each in known},
        "additionalProperties": False,
    }
    required = [each.name for each in known if each.required]
    return schema | ({"required": required} if required else {})


def _described(option: Option) -> dict[str, Any]:
    unit = f" In {option.unit}." if option.unit else ""
    schema = {"title": option.title, "description": f"{sentence(option.help)}{unit}"} | _list_schema(option)
    if option.optional:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    is_plain = not (option.required or is_dataclass(option.default))
    return schema | ({"default": _written(option.default)} if is_plain else {})


def _list_schema(option: Option) -> dict[str, Any]:
    if not option.several:
        return _value_schema(option)
    chosen = {"minItems": 1, "uniqueItems": True} if option.choices else {}
    return {"type": "array", "items": _value_schema(option), **chosen}


def _value_schema(option: Option) -> dict[str, Any]:
    if is_dataclass(option.scalar):
        return json_schema(option.scalar)
    if option.scalar is Mapping:
        return {"type": "object"}
    bounds = {"minimum": option.min, "maximum": option.max, "exclusiveMinimum": option.above}
    schema = {"type": TYPES[option.scalar]} | {name: bound for name, bound in bounds.items() if bound is not None}
    return schema | ({"enum": list(option.choices)} if option.choices else {})


def sentence(text: str) -> str:
    """A help text as a sentence: a capital letter at its beginning, a full stop at its end."""
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def number(text: str) -> int | float | str:
    """The number that somebody wrote as `250K`, `1.5 M`, `2Gi`, `1_000` or `2e6`; anything else stays a text."""
    plain = text.strip().replace("_", "").replace(" ", "").replace(",", "").lower()
    suffix = next((each for each in FACTORS if plain.endswith(each)), "")
    factor, plain = FACTORS.get(suffix, 1), plain.removesuffix(suffix)
    try:
        value = float(plain) * factor
    except ValueError:
        return text
    is_whole = abs(value) < 2**53 and value == int(value)
    return int(plain) * factor if plain.lstrip("-").isdecimal() else int(value) if is_whole else value

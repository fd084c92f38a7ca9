"""The search spec: what form, API, command line and engine share. Frozen, versioned, and the one validator."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar, get_args, get_type_hints

from architectures import spaces
from architectures.registry import Option, UnknownName, options
from architectures.spaces.limits import Limits
from profiling import targets
from searches import algorithms, objectives
from searches.evaluation import datasets
from searches.evaluation.recipe import Recipe
from searches.pareto.choice import Choice, ChoiceError

VERSION = 1
MAX_SEED = 2**63 - 1  # what a database column holds
MAX_NUMBER = 1e300  # NaN is not below it, infinity neither; a whole number above it has no float
NOMINAL = (3, 32, 32), 10  # stands for the images of a data set that cannot be asked


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
class SearchSpec:
    """Everything that decides a search. Two equal specs on one kind of machine give one history."""

    dataset: str = "digits"
    space: str = "chain"
    space_options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    algorithm: str = "nsga2"
    algorithm_options: Mapping[str, Any] = field(default_factory=dict)
    objectives: tuple[str, ...] = ("accuracy", "latency", "params")
    target: str = "this_machine"
    training: Recipe = field(default_factory=Recipe)
    evaluations: int = field(
        default=24, metadata={"min": 1, "max": 1_000_000, "help": "distinct networks that are trained"}
    )
    seconds: float | None = field(
        default=None, metadata={"min": 1.0, "help": "wall clock; it only stops a search, it never steers one"}
    )
    seed: int = field(default=0, metadata={"min": 0, "max": MAX_SEED, "help": "equal seeds give equal searches"})
    deadline_seconds: float = field(
        default=600.0,
        metadata={"min": 1.0, "max": 604_800.0, "help": "a candidate that trains longer is recorded as failed"},
    )
    lag: int = field(
        default=8, metadata={"min": 0, "max": 1024, "help": "how many numbers back a proposal may look at results"}
    )
    choose: str = field(default="knee", metadata={"help": "knee, vote, or weights:accuracy=.7,latency=.3"})
    task: str = field(default="image_classification", metadata={"choices": ("image_classification",)})
    version: int = VERSION

    NESTED: ClassVar[tuple[str, ...]] = ("limits", "training")

    @classmethod
    def from_document(cls, document: Any, *, files: bool = False) -> "SearchSpec":
        """The spec of a JSON document, or SpecErrors with all faults.

        ``files`` allows a path as the data set: for those who may read any file of this machine anyway.
        """
        if not isinstance(document, Mapping):
            raise SpecErrors((SpecError("", f"a spec must be a JSON object, but is {describe(document)}"),))
        if document.get("version", VERSION) != VERSION:
            problem = SpecError("version", f"must be {VERSION}, but is {describe(document['version'])}")
            raise SpecErrors((problem,))
        reading = Reading()
        spec = reading.read(cls, document, "")
        problems = [*reading.problems]
        broken = {problem.field.partition(".")[0] for problem in problems}
        problems += [problem for problem in faults(spec, files) if problem.field.partition(".")[0] not in broken]
        if problems:
            raise SpecErrors(tuple(problems))
        return spec

    def to_document(self) -> dict[str, Any]:
        """Canonical: every field, defaults written out, options of space and algorithm included."""
        document = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in self.NESTED:
            document[name] = {each.name: getattr(document[name], each.name) for each in fields(document[name])}
        document["algorithm_options"] = self.algorithm_settings()
        document["space_options"] = {key: self.space_options[key] for key in sorted(self.space_options)}
        return json.loads(json.dumps(document, allow_nan=False))  # type: ignore[no-any-return]  # tuples become lists

    def algorithm_settings(self) -> dict[str, Any]:
        """The algorithm's options, defaults included."""
        return {each.name: self.algorithm_options.get(each.name, each.default) for each in self.options()}

    def options(self) -> tuple[Option, ...]:
        return options(algorithms.get(self.algorithm))


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

    def value(self, option: Option, document: Mapping[str, Any], path: str) -> Any:
        if option.name not in document:
            return option.default
        where, given = join(path, option.name), document[option.name]
        if isinstance(option.default, (Limits, Recipe)):
            return self.read(type(option.default), given, where)
        try:
            return checked(option, given, where)
        except SpecError as problem:
            self.problems.append(problem)
            return option.default


def checked(option: Option, given: Any, path: str) -> Any:
    """The given value in the option's type and bounds."""
    if given is None and option.optional:
        return None
    if isinstance(option.default, Mapping):
        return flat_mapping(given, path)
    if isinstance(option.default, tuple):
        return texts(given, path)
    value = scalar(option.scalar, given, path)
    if option.choices is not None and value not in option.choices:
        raise SpecError(path, f"must be one of {', '.join(map(str, option.choices))}, but is {describe(given)}")
    if option.min is not None and value < option.min:
        raise SpecError(path, f"must be at least {option.min:g}, but is {describe(given)}")
    if option.max is not None and value > option.max:
        raise SpecError(path, f"must be at most {option.max:g}, but is {describe(given)}")
    return value


def scalar(kind: Any, given: Any, path: str) -> Any:
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if kind is bool and isinstance(given, bool):
        return given
    if kind is str and isinstance(given, str):
        return text(given, path)
    if kind is int and is_number and isfinite(given) and given == int(given):
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


def faults(spec: SearchSpec, files: bool) -> Iterator[SpecError]:
    """What no single field shows: names of the registries, and fields that contradict each other."""
    yield from named("algorithm", spec.algorithm, algorithms)
    yield from named("target", spec.target, targets)
    yield from objective_faults(spec)
    yield from dataset_faults(spec, files)
    yield from algorithm_faults(spec)
    yield from space_faults(spec)
    yield from limit_faults(spec.limits)
    yield from choice_faults(spec)


def named(path: str, name: str, registry: Any) -> Iterator[SpecError]:
    try:
        registry.get(name)
    except UnknownName as error:
        yield SpecError(path, f"is not known: {error}")


def objective_faults(spec: SearchSpec) -> Iterator[SpecError]:
    if not spec.objectives:
        yield SpecError("objectives", f"must name at least one of {', '.join(objectives.names())}")
    for index, name in enumerate(spec.objectives):
        yield from named(f"objectives.{index}", name, objectives)
        if name in spec.objectives[:index]:
            yield SpecError(f"objectives.{index}", f"must not repeat {name!r}; name each objective once")


def dataset_faults(spec: SearchSpec, files: bool) -> Iterator[SpecError]:
    if spec.dataset in datasets.names():
        return
    if files and Path(spec.dataset).exists():
        return
    close = did_you_mean(spec.dataset, list(datasets.names()))
    way_out = " or give the path of an npz file, a zip or a folder" if files else ""
    yield SpecError("dataset", f"is not known: no data set is named {shorten(spec.dataset)!r}; {close}{way_out}")


def algorithm_faults(spec: SearchSpec) -> Iterator[SpecError]:
    if spec.algorithm not in algorithms.names():
        return
    reading = Reading()
    algorithm = reading.read(algorithms.get(spec.algorithm), spec.algorithm_options, "algorithm_options")
    yield from reading.problems
    if not reading.problems:
        for name, message in algorithm.faults():
            yield SpecError(f"algorithm_options.{name}", message)


def space_faults(spec: SearchSpec) -> Iterator[SpecError]:
    try:
        shape, classes = nominal(spec.dataset)
        spaces.create(spec.space, shape, classes, **spec.space_options)
    except UnknownName as error:
        yield SpecError("space", f"is not known: {error}")
    except spaces.SpaceError as error:
        yield SpecError(f"space_options.{error.field}", error.message)


def nominal(dataset: str) -> tuple[tuple[int, ...], int]:
    if dataset not in datasets.names():
        return NOMINAL
    facts = datasets.facts(dataset)
    return facts.input_shape, facts.classes


def limit_faults(limits: Limits) -> Iterator[SpecError]:
    for each in fields(limits):
        value = getattr(limits, each.name)
        if value is not None and value <= 0:
            yield SpecError(f"limits.{each.name}", f"must be above 0, but is {value:g}; leave it out for no limit")
    if None not in (limits.min_params, limits.max_params) and limits.min_params > limits.max_params:
        message = f"must be at least limits.min_params ({limits.min_params}), but is {limits.max_params}"
        yield SpecError("limits.max_params", message)


def choice_faults(spec: SearchSpec) -> Iterator[SpecError]:
    try:
        Choice.parse(spec.choose).check(spec.objectives)
    except ChoiceError as error:
        yield SpecError("choose", str(error))


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

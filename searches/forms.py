"""The new-run form: drawn from the spec and the registries, judged by the spec alone.

A field is named after the entry of the spec that it fills. Options of algorithms and spaces carry their owner's name
(`algorithm_options.nsga2.population`), so that every algorithm's values are kept while another one is looked at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.http import QueryDict

from architectures import spaces
from architectures.documents import SpecErrors
from architectures.registry import Option, options
from architectures.spaces.limits import Limits
from profiling import targets
from searches import algorithms, objectives
from searches.evaluation import datasets
from searches.evaluation.fidelity import Ladder
from searches.evaluation.training.recipe import Recipe
from searches.services.devices import NOT_YOURS
from searches.spec import SearchSpec

NAME_LENGTH = 200
FACTORS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
# The groups of options: the entry that names the owner, the entry that holds its options, the owner's class by name.
OWNERS: tuple[tuple[str, str, Callable[[], Sequence[str]], Callable[[str], type]], ...] = (
    ("space", "space_options", spaces.names, spaces.get),
    ("algorithm", "algorithm_options", algorithms.names, algorithms.get),
)
WEIGHTS = "weights:"


@dataclass(frozen=True)
class Choice:
    """One thing to choose, with what is to be known about it."""

    value: str
    title: str
    note: str = ""


@dataclass(frozen=True)
class FormField:
    """One entry of the spec as a page shows it."""

    name: str
    label: str
    kind: str  # number, text, switch, one, several
    help: str = ""
    unit: str = ""
    optional: bool = False
    choices: tuple[Choice, ...] = ()
    owner: str = ""  # "algorithm:nsga2": shown while that one is chosen
    placeholder: str = ""
    value: str = ""
    values: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return "id-" + self.name.replace(".", "-")


@dataclass(frozen=True)
class Section:
    """Fields under one heading."""

    name: str
    title: str
    fields: tuple[FormField, ...]
    lead: str = ""


@dataclass(frozen=True)
class RunForm:
    """The state of the form: what was entered, what the spec says to it, and the fields to draw."""

    entered: Mapping[str, Sequence[str]]
    is_bound: bool = True
    uploads: tuple[Choice, ...] = ()  # data sets of the project
    devices: tuple[Choice, ...] = ()  # paired ones of the user

    @classmethod
    def of_spec(cls, document: Mapping[str, Any], name: str) -> "RunForm":
        """Filled in from a spec: the defaults, a preset, or a run that is cloned."""
        return cls(dict(_entered(document, name)), is_bound=False)

    @classmethod
    def of_post(cls, data: QueryDict) -> "RunForm":
        """As it was sent; nothing of it is lost, however wrong it is."""
        return cls({key: data.getlist(key) for key in data})

    @property
    def name(self) -> str:
        return " ".join(self._text("name").split())

    @cached_property
    def document(self) -> dict[str, Any]:
        """What was entered, as a spec's document; texts that are no numbers stay texts, for the spec to refuse."""
        document: dict[str, Any] = {
            "dataset": self._text("dataset"),
            "space": self._text("space"),
            "algorithm": self._text("algorithm"),
            "target": self._text("target"),
            "objectives": list(self.entered.get("objectives", ())),
            "choose": self._choose(),
            "limits": self._read("limits", _limits()),
            "training": self._read("training", options(Recipe)),
            "ladder": self._read("ladder", options(Ladder)),
        }
        document |= self._read("", _budget())
        for entry, holder, names, get in OWNERS:
            owner = document[entry]
            known = options(get(owner)) if owner in names() else ()
            document[holder] = changed(known, self._read(f"{holder}.{owner}", known))
        return document

    @cached_property
    def judged(self) -> tuple[SearchSpec | None, dict[str, tuple[str, ...]]]:
        """The spec, or what is wrong by the name of the form's field."""
        errors = dict(self._name_errors())
        try:
            spec = SearchSpec.from_document(self.document)
        except SpecErrors as found:
            for problem in found.problems:
                where = self._field_of(problem.field)
                errors[where] = (*errors.get(where, ()), problem.message)
            return None, errors
        if datasets.is_upload(spec.dataset) and spec.dataset not in [each.value for each in self.uploads]:
            errors["dataset"] = ("is no data set of this project; choose one of its own, or a built-in one",)
        if targets.device_number(spec.target) and spec.target not in [each.value for each in self.devices]:
            errors["target"] = (NOT_YOURS,)
        return spec, errors

    @property
    def spec(self) -> SearchSpec | None:
        """The spec, while everything that was entered is right."""
        spec, errors = self.judged
        return None if errors else spec

    @property
    def errors(self) -> dict[str, tuple[str, ...]]:
        return self.judged[1]

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        return tuple(
            Section(name, title, tuple(self._filled(each) for each in fields), lead)
            for name, title, fields, lead in _layout(self.uploads, self.devices)
        )

    @property
    def stray_errors(self) -> tuple[str, ...]:
        """Faults of entries that have no field of their own here."""
        shown = {each.name for section in self.sections for each in section.fields} | {"name"}
        return tuple(message for name, found in self.errors.items() if name not in shown for message in found)

    def _text(self, name: str) -> str:
        values = self.entered.get(name, ())
        return values[-1].strip() if values else ""

    def _choose(self) -> str:
        how = self._text("choose")
        return WEIGHTS + self._text("choose_weights") if how == "weights" else how

    def _read(self, prefix: str, known: Sequence[Option]) -> dict[str, Any]:
        path = f"{prefix}." if prefix else ""
        return {option.name: value_of(option, self.entered.get(path + option.name, ())) for option in known}

    def _name_errors(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        if not self.name:
            yield "name", ("must not be empty: it is how you find the run again",)
        elif len(self.name) > NAME_LENGTH:
            yield "name", (f"must have at most {NAME_LENGTH} characters, but has {len(self.name)}",)
        elif not self.name.isprintable():
            yield "name", ("must be one line of printable characters",)

    def _field_of(self, path: str) -> str:
        """`algorithm_options.population` → `algorithm_options.nsga2.population`; `objectives.0` → `objectives`."""
        head, _, rest = path.partition(".")
        for entry, holder, _, _ in OWNERS:
            if head == holder:
                return f"{holder}.{self._text(entry)}.{rest}"
        return head if head == "objectives" else path

    def _filled(self, blank: FormField) -> FormField:
        values = tuple(self.entered.get(blank.name, ()))
        errors = self.errors.get(blank.name, ()) if self.is_bound else ()
        return replace(blank, value=values[-1] if values else "", values=values, errors=errors)


def value_of(option: Option, entered: Sequence[str]) -> Any:
    """What was entered, in the option's type as far as it can be read as that."""
    text = entered[-1].strip() if entered else ""
    is_optional = option.type.endswith("| None")
    if option.type.startswith("tuple"):
        chosen = [number(each) if "int" in option.type else each for each in entered if each]
        return chosen or (None if is_optional else [])
    if option.type == "bool":
        return bool(text)
    if text == "" and is_optional:
        return None
    return text if option.type.startswith("str") else number(text)


def changed(known: Sequence[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is as its owner has it anyway: a spec that was not touched stays the spec that it was."""
    return {option.name: values[option.name] for option in known if values[option.name] != plain(option.default)}


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def number(text: str) -> int | float | str:
    """`250K`, `1.5 M`, `1_000`, `2e6`: the number; anything else stays the text that it is."""
    plain = text.strip().replace("_", "").replace(" ", "").replace(",", "").lower()
    factor = FACTORS.get(plain[-1:], 1)
    if factor > 1:
        plain = plain[:-1]
    try:
        value = float(plain) * factor
    except ValueError:
        return text
    is_whole = abs(value) < 2**53 and value == int(value)
    return int(plain) * factor if plain.lstrip("-").isdecimal() else int(value) if is_whole else value


def words(value: Any) -> str:
    """A value of a spec as one types it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def short(value: Any) -> str:
    """A limit as one types it: 250K, 20M; a number that is not round stays whole."""
    for letter, factor in reversed(FACTORS.items()):
        if isinstance(value, int) and value and value % factor == 0:
            return f"{value // factor}{letter.upper()}"
    return words(value)


def _entered(document: Mapping[str, Any], name: str) -> Iterator[tuple[str, list[str]]]:
    """The form's entries for a spec: of the owners that are not chosen their defaults."""
    yield "name", [name]
    for key in ("dataset", "space", "algorithm", "target"):
        yield key, [document[key]]
    yield "objectives", list(document["objectives"])
    how, _, weights = document["choose"].partition(":")
    yield "choose", [how]
    yield "choose_weights", [weights]
    for prefix, known in (
        ("limits", _limits()),
        ("training", options(Recipe)),
        ("ladder", options(Ladder)),
        ("", _budget()),
    ):
        holder = document[prefix] if prefix else document
        for option in known:
            value = holder.get(option.name, option.default)
            yield (
                f"{prefix}.{option.name}" if prefix else option.name,
                [short(value)] if prefix == "limits" else _listed(value),
            )
    for entry, holder_name, names, get in OWNERS:
        for owner in names():
            given = document[holder_name] if owner == document[entry] else {}
            for option in options(get(owner)):
                yield f"{holder_name}.{owner}.{option.name}", _listed(given.get(option.name, option.default))


def _listed(value: Any) -> list[str]:
    return [words(each) for each in value] if isinstance(value, (list, tuple)) else [words(value)]


def _budget() -> tuple[Option, ...]:
    """The spec's own numbers: budget, seed and what bounds a candidate."""
    return tuple(option for option in options(SearchSpec) if option.name != "choose")


def _limits() -> tuple[Option, ...]:
    """Limits carry no help of their own; the labels below say what they are."""
    kinds = {"max_latency_ms": "float | None"}
    return tuple(
        Option(name=name, type=kinds.get(name, "int | None"), default=None, help="")
        for name in Limits.__dataclass_fields__
    )


LIMIT_WORDS = {
    "min_params": ("At least this many parameters", ""),
    "max_params": ("Parameters, at most", "such as 250K"),
    "max_flops": ("FLOPs, at most", "such as 20M; two for each multiply-add"),
    "max_memory_bytes": ("Activation memory, at most", "such as 64K bytes; peak of one image"),
    "max_latency_ms": ("Latency, at most", "batch 1; measured here, estimated for other targets"),
}
LIMIT_UNITS = {"max_memory_bytes": "bytes", "max_latency_ms": "ms"}
UNITS = {"seconds": "s", "deadline_seconds": "s", "training_memory_bytes": "bytes"}
LABELS = {
    "seconds": "Time, at most",
    "deadline_seconds": "Deadline of a candidate",
    "training_memory_bytes": "Memory of a training",
    "max_cost": "Counted cost, at most",
    "when_away": "When a device is away",
}
PLACEHOLDERS = {"seconds": "no limit", "max_cost": "no limit"}
FIRST = ("evaluations", "seed")  # of the spec's own numbers; the others are advanced
HOW = (
    Choice("knee", "Knee", "The best trade between all objectives."),
    Choice("vote", "Vote", "The algorithms' own rankings, counted."),
    Choice("weights", "Weights", "What each objective is worth to you."),
)


def _layout(
    uploads: tuple[Choice, ...], devices: tuple[Choice, ...]
) -> Iterator[tuple[str, str, tuple[FormField, ...], str]]:
    rest = tuple(option.name for option in _budget() if option.name not in FIRST)
    yield "data", "Data set", (FormField("dataset", "Images", "one", choices=(*_datasets(), *uploads)),), ""
    yield "goal", "Goal", tuple(_goal(devices)), "what a good network is"
    yield "limits", "Limits", tuple(_limit_fields()), "what it must not exceed; checked before anything is trained"
    yield "search", "Search", (*_owned("algorithm"), *_budget_fields(*FIRST)), "how networks are proposed, how many"
    yield "space", "Search space", tuple(_owned("space")), "what networks there are to find"
    yield "training", "Training", tuple(_group_fields("training", Recipe)), "how each candidate is trained"
    lead = "more epochs for the best of each rung; the front may be trained in full at the end"
    yield "ladder", "Fidelity ladder", tuple(_group_fields("ladder", Ladder)), lead
    yield (
        "running",
        "Running",
        tuple(_budget_fields(*rest)),
        "what ends it, what a candidate may take, who waits for whom",
    )


def _goal(devices: tuple[Choice, ...]) -> Iterator[FormField]:
    wanted = tuple(Choice(name, _capital(objectives.get(name).title)) for name in objectives.names())
    yield FormField("objectives", "Objectives", "several", "The Pareto front is over these.", choices=wanted)
    here_first = sorted(targets.names(), key=lambda name: not targets.get(name).device)
    kinds = tuple(Choice(name, targets.get(name).title) for name in here_first)
    places = (*kinds[:1], *devices, *kinds[1:])
    help_text = (
        "Where it will run. On this machine and on your own devices time is measured; for other hardware it is "
        "estimated, and says so."
    )
    yield FormField("target", "Target", "one", help_text, choices=places)
    yield FormField("choose", "Choose at the end by", "one", "You can choose differently at any time.", choices=HOW)
    hint = "Weights by objective, such as accuracy=.7,latency=.3"
    yield FormField(
        "choose_weights", "Weights", "text", hint, owner="choose:weights", placeholder="accuracy=.7,latency=.3"
    )


def _limit_fields() -> Iterator[FormField]:
    for option in _limits():
        label, help_text = LIMIT_WORDS.get(option.name, (_label(option.name), ""))
        unit = LIMIT_UNITS.get(option.name, "")
        yield FormField(f"limits.{option.name}", label, "number", help_text, unit, True, placeholder="no limit")


def _owned(entry: str) -> Iterator[FormField]:
    """The choice of an owner, and the options of each."""
    holder, names, get = next((holder, names, get) for each, holder, names, get in OWNERS if each == entry)
    titles = tuple(Choice(name, getattr(get(name), "title", name)) for name in names())
    yield FormField(entry, "Search space" if entry == "space" else "Algorithm", "one", choices=titles)
    for name in names():
        for option in options(get(name)):
            yield _option_field(option, f"{holder}.{name}.{option.name}", owner=f"{entry}:{name}")


def _budget_fields(*names: str) -> Iterator[FormField]:
    known = {option.name: option for option in _budget()}
    for name in names:
        yield _option_field(known[name], name)


def _group_fields(group: str, owner: type) -> Iterator[FormField]:
    for option in options(owner):
        yield _option_field(option, f"{group}.{option.name}")


def _option_field(option: Option, name: str, owner: str = "") -> FormField:
    kind = {"bool": "switch", "str": "text"}.get(option.type, "number")
    if option.choices:
        kind = "several" if option.type.startswith("tuple") else "one"
    chosen = tuple(Choice(words(each), words(each)) for each in option.choices)
    is_optional = option.type.endswith("| None")
    if is_optional and kind == "one":
        chosen = (Choice("", "automatic"), *chosen)
    return FormField(
        name, LABELS.get(name, _label(option.name)), kind, _sentence(option.help), UNITS.get(name, ""), is_optional,
        chosen, owner, placeholder=PLACEHOLDERS.get(name, "automatic") if is_optional else "",
    )  # fmt: skip


def _datasets() -> tuple[Choice, ...]:
    return tuple(Choice(name, datasets.describe(name)) for name in datasets.available())


def _label(name: str) -> str:
    return _capital(name.replace("_", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    return _capital(text.rstrip(".")) + "." if text else ""

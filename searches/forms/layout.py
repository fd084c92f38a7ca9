"""What the new-run form asks for, in which section: a new option of the spec is found here unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass

from django.forms import BoundField

from architectures import spaces
from architectures.options import Option, options, sentence
from profiling import targets
from searches import algorithms, objectives
from searches.evaluation import datasets
from searches.forms.fields import ChoiceField, SeveralField, SpecField, field_of, has_field
from searches.spec import SearchSpec

Choices = Sequence[tuple[str, str]]
SPEC = {each.name: each for each in options(SearchSpec)}
GROUPS = {each.name: each.scalar for each in SPEC.values() if is_dataclass(each.default)}
# The entry that names an owner of options: the entry that holds them, the owners' names, the class of each.
OWNERS: dict[str, tuple[str, Callable[[], Sequence[str]], Callable[[str], type]]] = {
    "space": ("space_options", spaces.names, spaces.get),
    "algorithm": ("algorithm_options", algorithms.names, algorithms.get),
}
# Section: title, what it is about, the entries of the spec in it. What no section names stands in the last one.
SECTIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "data": ("Dataset", "", ("dataset",)),
    "goal": ("Goal", "what a good network is", ("objectives", "target", "choose")),
    "limits": ("Constraints", SPEC["limits"].help, ("limits",)),
    "search": ("Search", "", ("algorithm", "evaluations", "seed")),
    "space": ("Search space", "", ("space",)),
    "training": ("Training", SPEC["training"].help, ("training",)),
    "ladder": ("Fidelity ladder", "few epochs for all networks, more for the best", ("ladder",)),
    "running": ("Running", "what ends the search, and what a candidate may use", ()),
}
HELP = {
    "data": "dataset",
    "goal": "goal",
    "limits": "constraints",
    "search": "search",
    "space": "search-space",
    "training": "training",
    "ladder": "fidelity-ladder",
    "running": "running",
}
HOW = (
    ("knee", "Knee: best trade-off"),
    ("vote", "Vote: rankings of the algorithms"),
    ("weights", "Weights: your own"),
)
WEIGHTS = "accuracy=.7,latency=.3"


@dataclass(frozen=True)
class Section:
    """Fields under one heading; those that few people need are folded away, unless there is a fault among them."""

    name: str
    title: str
    lead: str
    fields: tuple[BoundField, ...]
    advanced: tuple[BoundField, ...]

    @property
    def is_unfolded(self) -> bool:
        return any(field.errors for field in self.advanced)

    @property
    def help(self) -> str:
        """Names the heading of docs/ that answers questions about these fields."""
        return f"how-to/fill-in-a-new-run#{HELP[self.name]}"


def section_of(entry: str) -> str:
    """The section in which an entry of the spec is asked for."""
    return next((name for name, (_, _, entries) in SECTIONS.items() if entry in entries), "running")


def spec_fields(uploads: Choices = (), devices: Choices = ()) -> Iterator[tuple[str, str, SpecField]]:
    """Section, name and field of all that the form asks for, in the order of the page."""
    order = list(SECTIONS)
    wanted = [entry for _, _, entries in SECTIONS.values() for entry in entries]
    rest = [name for name in SPEC if name not in wanted]
    for entry in sorted([*wanted, *rest], key=lambda entry: order.index(section_of(entry))):
        for name, field in _fields(entry, uploads, devices):
            yield section_of(entry), name, field


def _fields(entry: str, uploads: Choices, devices: Choices) -> Iterator[tuple[str, SpecField]]:
    option = SPEC[entry]
    if entry in GROUPS:
        for each in filter(has_field, options(GROUPS[entry])):
            yield f"{entry}.{each.name}", field_of(each, f"{entry}.{each.name}")
    elif entry in OWNERS:
        yield from _owned(option)
    elif entry == "dataset":
        built_in = [(name, f"{name}: {datasets.describe(name)}") for name in datasets.available()]
        yield entry, _chosen(option, [*built_in, *uploads])
    elif entry == "target":
        yield entry, _chosen(option, _targets(devices))
    elif entry == "objectives":
        yield entry, _chosen(option, [(name, _capital(objectives.get(name).title)) for name in objectives.names()])
    elif entry == "choose":
        yield from _choice(option)
    elif has_field(option):
        yield entry, field_of(option, entry)


def _chosen(option: Option, choices: Choices) -> SpecField:
    """A field whose choices a registry has."""
    kind = SeveralField if option.several else ChoiceField
    return kind(option.name, option.title, sentence(option.help), option=option, choices=choices)


def _owned(option: Option) -> Iterator[tuple[str, SpecField]]:
    """The choice of an owner, and the options of each."""
    holder, names, get = OWNERS[option.name]
    yield option.name, _chosen(option, [(name, getattr(get(name), "title", name)) for name in names()])
    for owner in names():
        for each in filter(has_field, options(get(owner))):
            path = f"{holder}.{owner}.{each.name}"
            yield path, field_of(each, path, owner=f"{option.name}:{owner}")


def _targets(devices: Choices) -> Choices:
    """This machine, the user's own devices, and the kinds of hardware that are modelled."""
    here_first = sorted(targets.names(), key=lambda name: not targets.get(name).device)
    kinds = [(name, targets.get(name).title) for name in here_first]
    return [*kinds[:1], *devices, *kinds[1:]]


def _choice(option: Option) -> Iterator[tuple[str, SpecField]]:
    help_text = "You can select another network at any time."
    yield option.name, ChoiceField(option.name, option.title, help_text, choices=HOW)
    hint = f"One weight per objective, such as {WEIGHTS}."
    name = "choose_weights"
    yield name, SpecField(name, "Weights", hint, owner="choose:weights", placeholder=WEIGHTS)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""The new-run form: drawn from the options, judged by the spec and the services.

A field is named after the entry of the spec that it fills. Options of algorithms and spaces carry their owner's name
(`algorithm_options.nsga2.population`), so that every algorithm's values are kept while another one is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import QueryDict

from architectures.documents import SpecError, SpecErrors
from architectures.options import Option, options
from searches.forms.fields import changed, entered, has_field
from searches.forms.layout import GROUPS, OWNERS, SECTIONS, SPEC, Choices, Section, spec_fields
from searches.models import Project, UploadedDataSet, UploadStatus
from searches.services.devices import paired_of
from searches.services.runs import run_check
from searches.spec import SearchSpec

NAME_LENGTH = 200
WEIGHTS = "weights:"


class RunForm(forms.Form):
    """A run that is to be started: its name and its spec, with what is wrong with them where it was entered.

    With a project and a user it offers their datasets and devices, and refuses those of others.
    """

    name = forms.CharField(required=False, strip=False)

    def __init__(
        self,
        data: QueryDict | Mapping[str, Any] | None = None,
        *,
        initial: dict[str, Any] | None = None,
        spec: SearchSpec | None = None,
        project: Project | None = None,
        by: AbstractBaseUser | AnonymousUser | None = None,
    ) -> None:
        super().__init__(data, initial=initial, auto_id="id-%s", use_required_attribute=False)
        self.project, self.by = project, by
        self._spec = spec
        self._document: dict[str, Any] = spec.to_document() if spec else {}
        self._sections: dict[str, list[str]] = {name: [] for name in SECTIONS}
        for section, name, field in spec_fields(uploads_of(project), devices_of(by)):
            self._sections[section].append(name)
            self.fields[name] = field

    @classmethod
    def of_spec(cls, spec: SearchSpec, name: str, **known: Any) -> RunForm:
        """A form that is filled in from a spec: the defaults, a preset, or a run that is cloned."""
        return cls(initial=dict(_initial(spec.to_document(), name)), spec=spec, **known)

    @property
    def run_name(self) -> str:
        """The name, without what white space does not need."""
        return " ".join(str(self["name"].value() or "").split())

    @property
    def document(self) -> dict[str, Any]:
        """Returns what was entered, as a spec's document; texts that are no numbers stay texts."""
        self.errors  # noqa: B018  (reads the form)
        return self._document

    @property
    def spec(self) -> SearchSpec | None:
        """The spec, while everything that was entered is right."""
        return None if self.faults else self._spec

    @property
    def faults(self) -> dict[str, list[str]]:
        """Messages by the name of their field; those of no field stand under `stray`. A form that nobody sent yet
        has those of its spec."""
        if self.is_bound:
            return {name: list(map(str, found)) for name, found in self.errors.items() if name != NON_FIELD_ERRORS} | (
                {"stray": self.stray} if self.stray else {}
            )
        return {problem.field: [problem.message] for problem in self._refusals(self._spec)} if self._spec else {}

    @property
    def stray(self) -> list[str]:
        """Faults of entries that have no field of their own here."""
        return list(map(str, self.non_field_errors()))

    @property
    def sections(self) -> tuple[Section, ...]:
        return tuple(self._section(name, title, lead) for name, (title, lead, _) in SECTIONS.items())

    def clean_name(self) -> str:
        """Returns the run's name. Raises ValidationError where it is empty, too long or not one printable line."""
        name = self.run_name
        if not name:
            raise ValidationError("must not be empty: it is how you find the run again")
        if len(name) > NAME_LENGTH:
            raise ValidationError(f"must have at most {NAME_LENGTH} characters, but has {len(name)}")
        if not name.isprintable():
            raise ValidationError("must be one line of printable characters")
        return name

    def clean(self) -> None:
        """Reads the spec; its faults stand at the fields where they were entered."""
        self._document = _document(self.cleaned_data)
        try:
            self._spec = SearchSpec.from_document(self._document)
            problems = tuple(self._refusals(self._spec))
        except SpecErrors as found:
            problems = found.problems
        for problem in problems:
            name = self._field_of(problem.field)
            self.add_error(name if name in self.fields else None, ValidationError(problem.message))

    def _refusals(self, spec: SearchSpec) -> Iterator[SpecError]:
        """Yields what the service would refuse: datasets of other projects, devices of other users."""
        if self.project is None or self.by is None:
            return
        try:
            run_check(project=self.project, spec=spec, by=self.by)
        except SpecErrors as found:
            yield from found.problems

    def _field_of(self, path: str) -> str:
        """`algorithm_options.population` → `algorithm_options.nsga2.population`; `objectives.0` → `objectives`."""
        head, _, rest = path.partition(".")
        for entry, (holder, _, _) in OWNERS.items():
            if head == holder:
                return f"{holder}.{self._document[entry]}.{rest}"
        return head if head == "objectives" else path

    def _section(self, name: str, title: str, lead: str) -> Section:
        found = [self[each] for each in self._sections[name]]
        advanced = [bool(getattr(each.field, "advanced", False)) for each in found]
        pairs = list(zip(found, advanced, strict=True))
        return Section(
            name, title, lead, tuple(f for f, folded in pairs if not folded), tuple(f for f, folded in pairs if folded)
        )


def _plain() -> list[Option]:
    """The spec's own entries with a field of their own, but for `choose`, which is entered in two."""
    return [each for each in SPEC.values() if has_field(each) and each.name != "choose"]


def _document(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The spec's document out of what the fields read; options of owners that are not chosen are left out."""
    document = {each.name: cleaned[each.name] for each in _plain()}
    how = cleaned["choose"]
    document["choose"] = WEIGHTS + cleaned["choose_weights"] if how == "weights" else how
    for group, cls in GROUPS.items():
        document[group] = {each.name: cleaned[f"{group}.{each.name}"] for each in options(cls) if has_field(each)}
    for entry, (holder, names, get) in OWNERS.items():
        owner = document[entry]
        known = [each for each in options(get(owner)) if has_field(each)] if owner in names() else []
        document[holder] = changed(known, {each.name: cleaned[f"{holder}.{owner}.{each.name}"] for each in known})
    return document


def _initial(document: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """The fields' first values for a spec: of the owners that are not chosen their defaults."""
    yield "name", name
    for each in _plain():
        yield each.name, entered(each, document.get(each.name, each.default))
    how, _, weights = document["choose"].partition(":")
    yield "choose", how
    yield "choose_weights", weights
    for group, cls in GROUPS.items():
        for each in options(cls):
            yield f"{group}.{each.name}", entered(each, document[group].get(each.name, each.default))
    for entry, (holder, names, get) in OWNERS.items():
        for owner in names():
            given = document[holder] if owner == document[entry] else {}
            for each in options(get(owner)):
                yield f"{holder}.{owner}.{each.name}", entered(each, given.get(each.name, each.default))


def uploads_of(project: Project | None) -> Choices:
    """The project's own datasets, as the form offers them."""
    if project is None:
        return []
    ready = project.datasets.filter(status=UploadStatus.READY)
    return [(each.reference, f"{each.name}: {_facts(each)}") for each in ready]


def devices_of(by: AbstractBaseUser | AnonymousUser | None) -> Choices:
    """The user's paired devices, as the form offers them."""
    found = paired_of(by) if by is not None else []
    return [(each.target_name, f"{each.name} (your device{', away' * each.is_away})") for each in found]


def _facts(upload: UploadedDataSet) -> str:
    card = upload.card
    shape = "×".join(map(str, card["input_shape"]))
    return f"{sum(card['sizes'].values()):,} images {shape}, {card['classes']} classes"

"""Form fields drawn from options: they read what was entered and refuse nothing, since the spec is the one judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms

from architectures.options import FACTORS, Option, number, sentence

NO_LIMIT = "no limit"


class SpecField(forms.Field):
    """An entry of the spec as a page shows it: a line of text."""

    kind = "text"

    def __init__(
        self, name: str, label: str, help_text: str = "", *, option: Option | None = None, owner: str = "",
        placeholder: str = "", choices: Iterable[tuple[str, str]] = (), advanced: bool = False,
    ) -> None:  # fmt: skip
        self.option, self.owner = option, owner  # "algorithm:nsga2": shown while that one is chosen
        self.advanced = advanced
        self.unit = option.unit if option else ""
        widget = self.drawn(list(choices))
        widget.attrs |= {"placeholder": placeholder} if placeholder else {}
        if self.kind != "several":
            widget.attrs["aria-describedby"] = f"id-{name}-hint id-{name}-error"
        super().__init__(required=False, label=label, help_text=help_text, widget=widget)

    def drawn(self, choices: list[tuple[str, str]]) -> forms.Widget:
        """The widget that this kind of field has."""
        return forms.TextInput()

    def to_python(self, value: Any) -> Any:
        """The entry in the option's type as far as it can be read as that; nothing is refused here."""
        text = (value or "").strip()
        return None if text == "" and self.is_optional else text

    @property
    def is_optional(self) -> bool:
        return self.option is not None and self.option.optional

    @property
    def default(self) -> str:
        """The option's default as one enters it; of a list its items by comma."""
        if self.option is None:
            return ""
        value = entered(self.option, self.option.default)
        return ",".join(value) if isinstance(value, list) else words(value)


class NumberField(SpecField):
    """A number as people write it: 250K, 20M, 2e6. What is no number stays a text, for the spec to refuse."""

    kind = "number"

    def drawn(self, choices: list[tuple[str, str]]) -> forms.Widget:
        return forms.TextInput(attrs={"inputmode": "decimal"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text if text is None else number(text)


class ChoiceField(SpecField):
    """One of several names or numbers."""

    kind = "one"

    def drawn(self, choices: list[tuple[str, str]]) -> forms.Widget:
        return forms.Select(choices=choices)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        is_number = text is not None and self.option is not None and self.option.scalar is not str
        return number(text) if is_number else text


class SeveralField(SpecField):
    """Any number of names or numbers."""

    kind = "several"

    def drawn(self, choices: list[tuple[str, str]]) -> forms.Widget:
        return forms.CheckboxSelectMultiple(choices=choices)

    def to_python(self, value: Any) -> Any:
        chosen = [number(each) if self.option and self.option.scalar is int else each for each in value or () if each]
        return chosen or (None if self.is_optional else [])


class SwitchField(SpecField):
    """A switch, on or off."""

    kind = "switch"

    def drawn(self, choices: list[tuple[str, str]]) -> forms.Widget:
        return forms.CheckboxInput()

    def to_python(self, value: Any) -> Any:
        return bool(value)


def has_field(option: Option) -> bool:
    """Says that a form asks for the option: it is a plain value or a list of such, and there is something to choose."""
    return option.scalar in (int, float, str, bool) and not option.is_fixed


def field_of(option: Option, name: str, owner: str = "") -> SpecField:
    """The field of an option under its name in the form."""
    return kind_of(option)(
        name, option.title, sentence(option.help), option=option, owner=owner, placeholder=option.empty,
        choices=titles(option), advanced=option.advanced,
    )  # fmt: skip


def kind_of(option: Option) -> type[SpecField]:
    if option.choices:
        return SeveralField if option.several else ChoiceField
    return {bool: SwitchField, str: SpecField}.get(option.scalar, NumberField)


def titles(option: Option) -> list[tuple[str, str]]:
    """The option's choices as a page shows them; an optional one may also be left open."""
    chosen = [(words(each), words(each) or option.empty) for each in option.choices]
    return [("", option.empty or "automatic"), *chosen] if option.optional and not option.several else chosen


def words(value: Any) -> str:
    """A value of a spec as one types it, exactly."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else ""
    is_short = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if is_short else str(value)


def entered(option: Option, value: Any) -> str | list[str] | bool:
    """A value of the spec as the option's field has it at first."""
    if option.several:
        return [words(each) for each in value or ()]
    if option.scalar is bool:
        return bool(value)
    return short(value) if option.empty == NO_LIMIT or option.unit == "bytes" else words(value)


def short(value: Any) -> str:
    """A limit as one types it: 250K, 20M, 2Gi; a number that is not round stays whole."""
    for letter, factor in sorted(FACTORS.items(), key=lambda each: (each[1] % 1000 != 0, -each[1])):
        if isinstance(value, int) and value and value % factor == 0:
            return f"{value // factor}{letter[0].upper()}{letter[1:]}"
    return words(value)


def changed(known: Sequence[Option], values: dict[str, Any]) -> dict[str, Any]:
    """The values without those that are the defaults: a spec that was not touched stays the spec that it was."""
    defaults = {each.name: list(each.default) if each.several and each.default else each.default for each in known}
    return {name: value for name, value in values.items() if value != defaults[name]}

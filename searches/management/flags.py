"""Command line flags drawn from options: how a value is read, and what the help says."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from architectures.documents import SpecError
from architectures.options import Option, number, scalar

VALUES = {int: "N", float: "X", str: "TEXT"}


def typed(option: Option) -> Callable[[str], Any]:
    """The reader of a flag's value; numbers may be written as in the form, such as 250K."""

    def read(text: str) -> Any:
        try:
            return scalar(option.scalar, number(text), "")
        except SpecError as error:
            raise ArgumentTypeError(str(error)) from error

    return str if option.scalar is str else read


def told(option: Option) -> str:
    """The option's help for a terminal: what it is, its choices, unit and default."""
    choices = f"; {', '.join(each or 'nothing' for each in map(str, option.choices))}" if option.choices else ""
    unit = f", in {option.unit}" if option.unit and option.unit not in option.help else ""
    value = ",".join(option.default) if option.several else option.default
    default = option.empty or "none" if value is None or value == "" else value
    return f"{option.help}{choices}{unit} (default: {default})".replace("%", "%%")

"""Command line flags drawn from options: how a value is read, and what the help says."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from architectures.documents import SpecError
from architectures.options import Option, number, scalar

VALUES = {int: "N", float: "X", str: "TEXT"}


def reader(option: Option) -> Callable[[str], Any]:
    """The reader of a flag's value; numbers may be written as in the form, such as 250K."""

    def read(text: str) -> Any:
        try:
            return scalar(option.scalar, number(text), "")
        except SpecError as error:
            raise ArgumentTypeError(str(error)) from error

    return str if option.scalar is str else read


def help_text(option: Option, values: str = "") -> str:
    """The option's help for a terminal: what it is, what it may be, unit and default."""
    values = values or ", ".join(str(each) if each != "" else "nothing" for each in option.choices)
    unit = f", in {option.unit}" if option.unit and option.unit not in option.help else ""
    value = ",".join(option.default) if option.several else option.default
    default = option.empty or "none" if value is None or value == "" else value
    return f"{option.help}{f' ({values})' if values else ''}{unit}; default: {default}".replace("%", "%%")

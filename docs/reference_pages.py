"""The generated pages: settings, commands, the search spec, the registries, the events, and the index."""

import argparse
import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, DjangoHelpFormatter

from architectures.options import Option, options
from docs.generate import NOTE
from nasportal.help import pages as help_pages
from nasportal.settings_reference import SETTINGS

APPS = ("nasportal", "searches", "codegen", "profiling")
WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def pages() -> dict[str, str]:
    """Name and text of each generated page of the reference."""
    made = {"settings": settings, "commands": commands, "spec": spec, "registries": registries, "events": events}
    return {name: f"{NOTE}\n{draw().rstrip()}\n" for name, draw in made.items()}


def table(head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar within a cell is escaped."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


# Settings


def settings() -> str:
    groups = dict.fromkeys(each.group for each in SETTINGS)
    parts = [f"## {group}\n\n{_settings_table(group)}" for group in groups]
    head = (
        "# Settings\n\nThe portal is configured by environment variables only. With an empty environment it is the "
        "embedded portal: SQLite, no broker, this machine, loopback.\n"
    )
    return "\n".join([head, *parts])


def _settings_table(group: str) -> str:
    rows = [(f"`{each.name}`", each.default, each.meaning) for each in SETTINGS if each.group == group]
    return table(("variable", "default", "meaning"), rows)


# Commands


def commands() -> str:
    """Every management command of the portal with its options, as their `--help` has them."""
    head = (
        "# Commands\n\nIn a checkout every command is `.venv/bin/python manage.py NAME`. Progress goes to stderr; "
        "`--json` prints exactly one document to stdout.\n\n"
        "Exit codes: 0 done, 2 bad input, 3 nothing feasible, 4 the generation gate failed, 130 interrupted.\n"
    )
    return "\n".join([head, *(_command(name, command) for name, command in portal_commands().items())])


def portal_commands() -> dict[str, BaseCommand]:
    """The commands of the portal's own apps by name."""
    own = {name: app for name, app in get_commands().items() if str(app).split(".")[0] in APPS}
    return {name: load_command_class(str(own[name]), name) for name in sorted(own)}


def parser_of(name: str, command: BaseCommand) -> argparse.ArgumentParser:
    return command.create_parser("manage.py", name)


def own_actions(name: str, command: BaseCommand) -> list[argparse.Action]:
    """Its options without those that every Django command has."""
    common = {each.dest for each in parser_of("", BaseCommand())._actions}
    return [each for each in parser_of(name, command)._actions if each.dest not in common]


def _command(name: str, command: BaseCommand) -> str:
    actions = own_actions(name, command)
    formatter = DjangoHelpFormatter("manage.py", width=120)
    rows = [(f"`{_usage(each)}`", _meaning(each, formatter)) for each in actions]
    options = table(("option", "meaning"), rows) if rows else "It has no options.\n"
    return f"## {name}\n\n{_exits(command)}\n\n{options}"


def _exits(command: BaseCommand) -> str:
    said = (inspect.getdoc(type(command).handle) or "").partition("\n")[0]
    return f"{command.help.rstrip('.')}." + (f" {said}" if said.startswith("Exit ") else "")


def _usage(action: argparse.Action) -> str:
    many = {"+": " …", "*": " …"}.get(str(action.nargs), "")
    value = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
    if action.choices:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    return " ".join([*action.option_strings[-1:], *([f"{value}{many}"] if value else [])])


def _meaning(action: argparse.Action, formatter: DjangoHelpFormatter) -> str:
    text = formatter._expand_help(action) if action.help else ""
    default = action.default
    if isinstance(default, (str, int, float)) and not isinstance(default, bool) and default != "":
        # A default that depends on the machine is described by the help text.
        text += "" if "default" in text or action.type is None else f" (default {default})"
    return text + (" (required)" if action.required and action.option_strings else "")


# The search spec


def spec() -> str:
    from architectures import spaces
    from searches import algorithms
    from searches.spec import SearchSpec

    head = (
        "# The search spec\n\nA search is described by one JSON document: form, API and command line write the same "
        "one. Every entry has a default, so `{}` is a valid spec. A path such as `ladder.rungs` names an entry of an "
        "object within it; on the command line `--set ladder.rungs=2,6` reaches every entry.\n"
    )
    entries = table(("entry", "type", "default", "bounds", "meaning"), _entries(SearchSpec, ""))
    parts = [head, entries]
    for title, key, registry in (
        ("Options of a search space", "space", spaces),
        ("Options of an algorithm", "algorithm", algorithms),
    ):
        parts.append(f"## {title}\n\nThey belong into `{key}_options`, by the name of the option.\n")
        parts += [_options(name, registry.get(name)) for name in registry.names()]
    return "\n".join(parts)


def _options(name: str, cls: type) -> str:
    rows = list(_entries(cls, ""))
    shown = table(("option", "type", "default", "bounds", "meaning"), rows) if rows else "It has no options.\n"
    return f"### {name}\n\n{shown}"


def _entries(cls: Any, path: str) -> Iterator[tuple[str, str, str, str, str]]:
    for each in options(cls):
        if dataclasses.is_dataclass(each.default):
            yield from _entries(each.scalar, f"{path}{each.name}.")
            continue
        unit = f" ({each.unit})" if each.unit else ""
        shown = each.empty or "null" if each.default is None else _shown(each.default)
        yield f"`{path}{each.name}`", kind(each.type) + unit, shown, _bounds(each), each.help


def kind(hint: Any) -> str:
    """A type as readers of JSON know it."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join("null" if each is NoneType else kind(each) for each in get_args(hint))
    if get_origin(hint) in (tuple, list):
        return f"list of {kind(get_args(hint)[0])}s" if get_args(hint) else "list"
    if hint in WORDS:
        return WORDS[hint]
    is_mapping = isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Mapping)
    return "object" if is_mapping or dataclasses.is_dataclass(hint) else "value"


def _shown(default: Any) -> str:
    if isinstance(default, (tuple, list)):
        return f"`[{', '.join(map(str, default))}]`"
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    if isinstance(default, Mapping):
        return "`{}`"
    return f"`{default}`" if default != "" else "empty"


def _bounds(option: Option) -> str:
    if option.choices:
        return ", ".join(f"`{each}`" if each != "" else "empty" for each in option.choices)
    least, most, above = option.min, option.max, option.above
    if above is not None:
        return f"above {above:,}" + (f", at most {most:,}" if most is not None else "")
    if least is None or most is None:
        return f"at least {least:,}" if least is not None else f"at most {most:,}" if most is not None else ""
    return f"{least:,} to {most:,}"


# Registries


def registry_modules() -> dict[str, Any]:
    """The registries by their title."""
    from architectures import operations, spaces
    from codegen import frameworks, passes
    from profiling import targets
    from searches import algorithms, objectives
    from searches.evaluation import datasets

    return {
        "Search spaces": spaces,
        "Operations": operations,
        "Algorithms": algorithms,
        "Objectives": objectives,
        "Datasets": datasets,
        "Hardware targets": targets,
        "Frameworks": frameworks,
        "Passes": passes,
    }


def registries() -> str:
    head = (
        "# What there is\n\nEach line is one file in the folder that its heading names. A further file is found "
        "without any other edit ([add an operation](../how-to/add-an-operation.md)).\n"
    )
    return "\n".join([head, *(_registry(title, module) for title, module in registry_modules().items())])


def _registry(title: str, module: Any) -> str:
    folder = module.__name__.replace(".", "/")
    rows = [(f"`{name}`", first_sentence(source(module, name))) for name in module.names()]
    return f"## {title}\n\nFolder: `{folder}/`\n\n{table(('name', 'what it is'), rows)}"


def source(registry: Any, name: str) -> ModuleType:
    """The module of a name: mostly it is called like it."""
    path = f"{registry.__name__}.{name}"
    return import_module(path if find_spec(path) else registry.get(name).__module__)


def first_sentence(module: ModuleType) -> str:
    text = " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split())
    # A full stop ends it where no word was shortened before it ("et al. 2002").
    return re.split(r"(?<!et al)\. (?=[A-Z])", text)[0].rstrip(".")


# Events


def events() -> str:
    from searches.engine.events import KINDS

    head = (
        "# Events\n\nWhat a search reports, in the order in which it happens. The live page, "
        "`/api/v1/runs/ID/events/?after=SEQ` and the websocket `/ws/runs/ID/` send the same documents; in a stored "
        "event `kind` is the name below. `Progress` is overwritten and never stored.\n\n"
        "A history consists of `EvaluationFinished` and `StepFinished`, ordered by number and fidelity.\n"
    )
    return "\n".join([head, *(_event(name, cls) for name, cls in KINDS.items())])


FIELD = re.compile(r"^    (\w+): ([^=#\n]+?)(?: = [^#\n]*)?(?:\s+#\s*(.*))?$", re.MULTILINE)


def _event(name: str, cls: type) -> str:
    text = inspect.getsource(cls)
    own = {each.name for each in dataclasses.fields(cls)}  # type: ignore[arg-type]
    rows = [(f"`{field}`", f"`{hint}`", words) for field, hint, words in FIELD.findall(text) if field in own]
    said = cls.__doc__ or ""
    about = "" if said.startswith(f"{name}(") else f"{' '.join(said.split())}\n\n"
    return f"## {name}\n\n{about}{table(('field', 'type', 'meaning'), rows)}"


# The index


def index() -> str:
    """README.md of docs/: every listed page by section."""
    help_pages.pages.cache_clear()
    head = "# Documentation\n\nThe portal serves the same pages under `/help/`, with a search.\n"
    parts = [_section(title, listed) for title, listed in help_pages.contents() if listed]
    return "\n".join([NOTE, head, *parts]).rstrip() + "\n"


def _section(title: str, listed: list[help_pages.Page]) -> str:
    lines = [f"* [{each.title}]({each.name}.md)" for each in listed]
    return f"## {title}\n\n" + "\n".join(lines) + "\n"

"""The README's tables of what there is. Renew them: ``python -m tests.support.readme``."""

import inspect
import os
import re
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

README = Path(__file__).resolve().parents[2] / "README.md"
MARKS = "<!-- tables: python -m tests.support.readme -->", "<!-- end of tables -->"


def registries() -> dict[str, Any]:
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
        "Data sets": datasets,
        "Hardware targets": targets,
        "Frameworks": frameworks,
        "Passes": passes,
    }


def tables() -> str:
    return "\n".join(table(title, registry) for title, registry in registries().items())


def table(title: str, registry: Any) -> str:
    folder = registry.__name__.replace(".", "/")
    rows = [f"| `{name}` | {first_sentence(source(registry, name))} |" for name in registry.names()]
    return "\n".join([f"| {title} (`{folder}/`) | |", "|---|---|", *rows, ""])


def source(registry: Any, name: str) -> ModuleType:
    """The file of a name: mostly it is called like it."""
    path = f"{registry.__name__}.{name}"
    return import_module(path if find_spec(path) else registry.get(name).__module__)


def first_sentence(module: ModuleType) -> str:
    text = " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split())
    # A full stop ends it where no word was shortened before it ("et al. 2002").
    return re.split(r"(?<!et al)\. (?=[A-Z])", text)[0].rstrip(".").replace("|", "\\|")


def renewed(text: str) -> str:
    before, rest = text.split(MARKS[0])
    return before + "\n".join([MARKS[0], "", tables(), ""]).rstrip() + "\n\n" + MARKS[1] + rest.split(MARKS[1])[1]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    README.write_text(renewed(README.read_text()))
    sys.exit(0)

"""All that a spec can be made of, out of the registries: for programs that draw a form of their own."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from architectures import spaces
from architectures.registry import Option, options
from profiling import targets
from searches import algorithms, objectives
from searches.evaluation import datasets
from searches.evaluation.training.recipe import Recipe
from searches.presets import PRESETS
from searches.spec import SearchSpec


def vocabulary() -> dict[str, Any]:
    """Names with titles and options, presets, and the defaults of a spec."""
    return {
        "defaults": SearchSpec().to_document(),
        "fields": described(options(SearchSpec)),
        "training": described(options(Recipe)),
        "datasets": {name: {"title": datasets.describe(name)} for name in datasets.available()},
        "spaces": {name: owner(spaces.get(name)) for name in spaces.names()},
        "algorithms": {name: owner(algorithms.get(name)) for name in algorithms.names()},
        "objectives": {name: {"title": objectives.get(name).title} for name in objectives.names()},
        "targets": {name: {"title": targets.get(name).title} for name in targets.names()},
        "presets": {
            name: {"title": preset.title, "note": preset.note, "spec": dict(preset.document)}
            for name, preset in PRESETS.items()
        },
    }


def owner(thing: type) -> dict[str, Any]:
    return {"title": getattr(thing, "title", ""), "options": described(options(thing))}


def described(known: Sequence[Option]) -> list[Mapping[str, Any]]:
    """The options as JSON: tuples become lists."""
    facts = [
        {
            "name": each.name,
            "type": each.type,
            "default": each.default,
            "help": each.help,
            "min": each.min,
            "max": each.max,
            "choices": each.choices,
        }
        for each in known
    ]
    return list(json.loads(json.dumps(facts)))

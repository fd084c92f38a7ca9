"""All that a spec can be made of, out of the registries: for programs that draw a form of their own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from architectures import spaces
from architectures.options import Option, options
from architectures.spaces.limits import Limits
from profiling import targets
from searches import algorithms, objectives
from searches.evaluation import datasets
from searches.evaluation.fidelity import Ladder
from searches.evaluation.training.recipe import Recipe
from searches.presets import PRESETS
from searches.spec import SearchSpec


def vocabulary() -> dict[str, Any]:
    """Names with titles and options, presets, and the defaults of a spec."""
    return {
        "defaults": SearchSpec().to_document(),
        "fields": described(options(SearchSpec)),
        "training": described(options(Recipe)),
        "limits": described(options(Limits)),
        "ladder": described(options(Ladder)),
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
    """The options as JSON: tuples become lists; what has options of its own is described beside them."""
    facts = [
        {
            "name": each.name,
            "type": each.type_name,
            "default": each.default,
            "label": each.title,
            "help": each.help,
            "unit": each.unit,
            "min": each.min if each.above is None else each.above,
            "max": each.max,
            "choices": each.choices,
            "advanced": each.advanced,
        }
        for each in known
        if not is_dataclass(each.default)
    ]
    return list(json.loads(json.dumps(facts)))


class VocabularyView(APIView):
    """What there is to search with, as the form of a new run shows it."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Datasets, spaces, algorithms, objectives and targets with their options; presets; the defaults of a spec."""
        return Response(vocabulary())

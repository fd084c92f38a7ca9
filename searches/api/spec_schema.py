"""The spec in the API's schema: drawn from the options, so that the API page documents what a search is made of."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from architectures import spaces
from architectures.options import json_schema
from profiling import targets
from searches import algorithms, objectives
from searches.evaluation import datasets
from searches.spec import SearchSpec

NAME = "SearchSpec"
SCHEMAS = "#/components/schemas/"


@extend_schema_field({"$ref": SCHEMAS + NAME})
class SpecField(serializers.JSONField):
    """A search spec; whatever it leaves out has its default."""


def describe_spec(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Adds the spec's components; a hook of drf-spectacular."""
    result["components"]["schemas"] |= components()
    return result


def components() -> dict[str, Any]:
    """The spec, and the options of each algorithm and search space, as OpenAPI 3.0 has them, by name."""
    spec = json_schema(SearchSpec) | {"description": "Everything that decides a search; all fields have defaults."}
    known = spec["properties"]
    known["dataset"]["description"] += f" Built in: {', '.join(datasets.available())}."
    known["target"]["description"] += f" One of {', '.join(targets.names())}, or a paired device such as phone@7."
    known["objectives"]["items"]["enum"] = list(objectives.names())
    owners: dict[str, Any] = {}
    for entry, registry in (("algorithm", algorithms), ("space", spaces)):
        known[entry]["enum"] = list(registry.names())
        schemas = {_component(entry, name): json_schema(registry.get(name)) for name in registry.names()}
        known[f"{entry}_options"]["anyOf"] = [{"$ref": SCHEMAS + name} for name in schemas]
        owners |= schemas
    return {name: openapi(schema) for name, schema in ({NAME: spec} | owners).items()}


def openapi(schema: Any) -> Any:
    """A JSON Schema (2020-12) in the words of OpenAPI 3.0: `nullable`, and bounds that are exclusive or not."""
    if isinstance(schema, list):
        return [openapi(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: openapi(value) for name, value in schema.items()}
    if isinstance(found.get("type"), list):
        found |= {"type": found["type"][0], "nullable": True}
    if not isinstance(found.get("exclusiveMinimum", {}), dict):
        found |= {"minimum": found["exclusiveMinimum"], "exclusiveMinimum": True}
    return found


def _component(entry: str, name: str) -> str:
    return f"{entry.capitalize()}Options{name.title().replace('_', '')}"

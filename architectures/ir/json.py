"""architecture.json: the graph as a versioned document, canonical, and read with suspicion."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import KINDS, Primitive
from architectures.ir.verify import MOST_NODES, GraphError, verify
from architectures.registry import UnknownName

FORMAT = "nas-portal/architecture"
VERSION = 1
LARGEST_TEXT = 8_000_000


class DocumentError(GraphError):
    """A document is not an architecture."""


def to_document(graph: Graph, origin: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`origin` says where the graph comes from (space, options, genotype); readers of the graph do not need it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "input": list(graph.input_shape),
        "classes": graph.classes,
        "nodes": [
            {
                "name": node.name,
                "kind": node.primitive.kind,
                "attributes": attributes(node.primitive),
                "inputs": list(node.inputs),
                "shape": list(node.shape),
            }
            for node in graph.nodes
        ],
        "origin": dict(origin) if origin is not None else None,
    }


def dumps(graph: Graph, origin: Mapping[str, Any] | None = None) -> str:
    """Canonical: the same graph always gives the same text."""
    return json.dumps(to_document(graph, origin), sort_keys=True, separators=(",", ":"), allow_nan=False)


def loads(text: str) -> Graph:
    """Reads a verified graph from JSON. Raises DocumentError where the text is too long, no JSON or no architecture."""
    if len(text) > LARGEST_TEXT:
        raise DocumentError("", f"the text may have at most {LARGEST_TEXT:,} characters", f"has {len(text):,}")
    try:
        return from_document(json.loads(text, object_pairs_hook=_unique))
    except json.JSONDecodeError as error:
        raise DocumentError("", "the text must be JSON", f"{error.msg} at line {error.lineno}") from None
    except RecursionError:
        raise DocumentError("", "the text must be an architecture", "is nested too deeply") from None
    except GraphError:
        raise
    except ValueError:  # what is left of Python's own complaints
        raise DocumentError("", "numbers must have at most 4,300 digits", "one has more") from None


def from_document(document: Any) -> Graph:
    """Reads a verified graph from an architecture document.

    Raises DocumentError where format, version, size, input or classes are not as they must be.
    """
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, Mapping) else document
        raise DocumentError("", f"the document's format must be {FORMAT!r}", f"is {_short(found)}")
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise DocumentError("", f"this portal reads version {VERSION}", f"version is {_short(document.get('version'))}")
    rows = document.get("nodes")
    if not isinstance(rows, list) or not 2 <= len(rows) <= MOST_NODES:
        found = f"has {len(rows):,}" if isinstance(rows, list) else f"nodes is {_short(rows)}"
        raise DocumentError("", f"must have between 2 and {MOST_NODES:,} nodes", found)
    graph = Graph(tuple(_node(index, row) for index, row in enumerate(rows)))
    verify(graph)
    if document.get("input") != list(graph.input_shape):
        found = f"the input is {_short(document.get('input'))}"
        raise DocumentError("", f"its first node takes {list(graph.input_shape)}", found)
    if document.get("classes") != graph.classes:
        found = f"classes is {_short(document.get('classes'))}"
        raise DocumentError("", f"its last node gives {graph.classes} classes", found)
    return graph


def attributes(primitive: Primitive) -> dict[str, Any]:
    fields = dataclasses.fields(primitive)  # type: ignore[arg-type]
    found = {field.name: getattr(primitive, field.name) for field in fields}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def primitive_of(name: str, kind: Any, found: Any) -> Primitive:
    """Makes the primitive of this kind and these attributes; `name` is the node's, for the message.

    Raises DocumentError where the kind or an attribute is unknown.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        known = UnknownName("primitive", _short(kind) if not isinstance(kind, str) else kind[:60], tuple(sorted(KINDS)))
        raise DocumentError(name, "the kind must be a known primitive", str(known))
    cls = KINDS[kind]
    fields = {field.name: field.type for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if not isinstance(found, Mapping) or set(found) != set(fields):
        names = sorted(map(str, found)) if isinstance(found, Mapping) else _short(found)
        raise DocumentError(name, f"attributes of {kind} are {sorted(fields)}", f"are {names}")
    return cls(**{key: _value(name, key, str(fields[key]), value) for key, value in found.items()})


def _node(index: int, row: Any) -> Node:
    name = row.get("name") if isinstance(row, Mapping) else None
    if not isinstance(name, str):
        raise DocumentError("", "each node must be an object with a name", f"number {index} is {_short(row)}")
    inputs, shape = row.get("inputs"), row.get("shape")
    if not isinstance(inputs, list) or not all(isinstance(each, str) for each in inputs):
        raise DocumentError(name[:80], "inputs must be a list of names", f"is {_short(inputs)}")
    if not isinstance(shape, list) or not all(type(each) is int for each in shape):
        raise DocumentError(name[:80], "the shape must be a list of integers", f"is {_short(shape)}")
    primitive = primitive_of(name[:80], row.get("kind"), row.get("attributes"))
    return Node(name, primitive, tuple(inputs), tuple(shape))


def _value(node: str, key: str, type_: str, value: Any) -> Any:
    if type_ == "int" and type(value) is int:
        return value
    if type_ == "bool" and type(value) is bool:
        return value
    if type_ == "float" and type(value) in (int, float) and value == value:
        return float(value)
    if type_ == "Shape" and isinstance(value, list) and all(type(each) is int for each in value):
        return tuple(value)
    wanted = {"int": "an integer", "bool": "true or false", "float": "a number", "Shape": "a list of integers"}[type_]
    raise DocumentError(node, f"{key} must be {wanted}", f"is {_short(value)}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DocumentError("", "keys must be unique", f"{twice[:60]!r} stands there twice")
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"

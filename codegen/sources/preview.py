"""The generated source before it is asked for: text, and the lines of each node; no torch, milliseconds."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from architectures.ir.graph import Graph
from codegen.frameworks.pytorch import print_model
from codegen.printing.formatting import formatted
from codegen.printing.printer import Place


@dataclass(frozen=True)
class Preview:
    """Sources by path, and for each node of the graph its lines in model.py: its module's, then its computation's."""

    files: Mapping[str, str]
    lines: Mapping[str, tuple[int, ...]]


@lru_cache(maxsize=64)
def preview(graph: Graph) -> Preview:
    printed = print_model(graph)
    source = formatted(printed.source)
    return Preview({"model.py": source}, lines_of(source, printed.places))


def lines_of(source: str, places: Mapping[str, Place]) -> dict[str, tuple[int, ...]]:
    """Found in the formatted text: the formatter moves lines."""
    classes = {node.name: methods(node) for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    found = {}
    for name, place in places.items():
        start, forward = classes[place.class_name]["__init__"], classes[place.class_name]["forward"]
        made = [line for line in (assigned(statement, place.attribute) for statement in start.body) if line]
        found[name] = (*made, forward.body[place.statement].lineno)
    return found


def methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}


def assigned(statement: ast.stmt, attribute: str | None) -> int | None:
    """The line of `self.attribute = …`."""
    if not isinstance(statement, ast.Assign):
        return None
    target = statement.targets[0]
    return statement.lineno if isinstance(target, ast.Attribute) and target.attr == attribute else None

"""What makes a graph legal. A message names the node, the rule and the values that break it."""

from __future__ import annotations

import keyword
import re
from functools import lru_cache

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Facts, Input, Shape, ShapeError, facts

MOST_NODES = 5_000
LONGEST_NAME = 200
_PART = re.compile(r"(?!get_|set_|named_|register_)[a-z][a-z0-9_]*\Z")

# Attributes of a torch module: a child of that name would be refused there, or would hide the method.
# fmt: off
_TAKEN = frozenset((
    "add_module", "apply", "bfloat16", "buffers", "children", "compile", "cpu", "cuda", "double", "eval", "float",
    "forward", "half", "ipu", "load_state_dict", "modules", "mtia", "parameters", "state_dict", "to", "train",
    "training", "type", "xpu", "requires_grad_", "share_memory", "extra_repr", "zero_grad", "to_empty", "dump_patches",
    "call_super_init",
))
# fmt: on


class GraphError(ValueError):
    """A graph is not legal: `node` (or "" for the whole graph), `rule` and `values`."""

    def __init__(self, node: str, rule: str, values: str) -> None:
        super().__init__(f"{f'node {node!r}' if node else 'the graph'}: {rule}, but {values}")
        self.node, self.rule, self.values = node, rule, values

    def __reduce__(self) -> tuple[type[GraphError], tuple[str, str, str]]:
        return type(self), (self.node, self.rule, self.values)


def verify(graph: Graph) -> None:
    """Raises GraphError unless names, order, inputs and shapes are right. A graph cannot change: once is enough."""
    if "is_verified" in graph.__dict__:
        return
    nodes = graph.nodes
    if not 2 <= len(nodes) <= MOST_NODES:
        raise GraphError("", f"must have between 2 and {MOST_NODES:,} nodes", f"has {len(nodes):,}")
    first = nodes[0]
    if first.name != "input" or not isinstance(first.primitive, Input):
        raise GraphError(first.name, "the first node must be the Input named 'input'", f"is {first.primitive.kind}")
    shapes: dict[str, Shape] = {}
    found = []
    for node in nodes:
        found.append(_verify_node(node, shapes))
        shapes[node.name] = node.shape
    graph.__dict__["facts"] = tuple(found)  # the cached property: asked for here anyway, and never again
    _verify_scopes(shapes)
    if len(nodes[-1].shape) != 1:
        raise GraphError(nodes[-1].name, "the output must be (classes,)", f"is {nodes[-1].shape}")
    graph.__dict__["is_verified"] = True


def _verify_node(node: Node, shapes: dict[str, Shape]) -> Facts:
    if node.name in shapes:
        raise GraphError(node.name, "names must be unique", "there are two of this name")
    if shapes:
        verify_name(node.name)
    if shapes and isinstance(node.primitive, Input):
        raise GraphError(node.name, "only the first node may be an Input", "this is another one")
    try:
        inputs = tuple([shapes[name] for name in node.inputs])
    except KeyError as missing:
        raise GraphError(
            node.name, "inputs must be nodes that stand before it (no cycles)", f"{missing.args[0]!r} does not"
        ) from None
    try:
        found = facts(node.primitive, inputs)
    except ShapeError as error:
        raise GraphError(node.name, error.rule, error.values) from None
    if found.shape != node.shape:
        rule = f"{node.primitive.kind} of {_list(inputs)} gives {found.shape}"
        raise GraphError(node.name, rule, f"says {node.shape}")
    return found


@lru_cache(maxsize=1 << 14)
def verify_name(name: str) -> None:
    """Refuses a name that cannot become an attribute path of torch modules and of printed source.

    Raises GraphError where it is too long, malformed or taken.
    """
    if len(name) > LONGEST_NAME:
        raise GraphError(name[:40] + "…", f"names have at most {LONGEST_NAME} characters", f"this has {len(name)}")
    for part in name.split("."):
        if not _PART.match(part):
            raise GraphError(name, "names are dotted words of a-z, 0-9 and _", f"one part is {part!r}")
        if keyword.iskeyword(part) or part in _TAKEN:
            raise GraphError(name, "names must be free for an attribute of a module", f"{part!r} is taken")


def _verify_scopes(shapes: dict[str, Shape]) -> None:
    scopes = {name.rpartition(".")[0] for name in shapes}
    for scope in scopes:
        while scope:
            if scope in shapes:
                raise GraphError(scope, "a name is a node or a scope, not both", "other nodes lie inside it")
            scope = scope.rpartition(".")[0]


def _list(shapes: tuple[Shape, ...]) -> str:
    return " and ".join(str(shape) for shape in shapes) or "nothing"

"""The dotted names of a graph read as nested blocks: `stage1.layer2.conv` is conv in layer2 in stage1."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Union

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import BatchNorm, Conv2d, Linear

STATEFUL = (Conv2d, BatchNorm, Linear)


class PrintError(ValueError):
    """A graph that has no printed form: the block, and why."""


@dataclass(frozen=True)
class Leaf:
    """A primitive of a block. One without weights has no module of its own; its attribute may then be dotted."""

    attribute: str
    node: Node

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.node.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.node.name,)

    @property
    def is_module(self) -> bool:
        return isinstance(self.node.primitive, STATEFUL)


@dataclass(frozen=True)
class Block:
    """A module with modules in it; inputs and outputs are names of the nodes whose values cross its border."""

    path: str
    attribute: str
    children: tuple[Union[Leaf, "Block"], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def blocks(self) -> tuple["Block", ...]:
        return tuple(child for child in self.children if isinstance(child, Block))

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(child for child in self.children if isinstance(child, Leaf))


def root_block(graph: Graph) -> Block:
    return block_of(graph, "", "", graph.nodes[1:])


def block_of(graph: Graph, path: str, attribute: str, nodes: Iterable[Node]) -> Block:
    nodes = tuple(nodes)
    children: list[Leaf | Block] = []
    for name, members in grouped(path, nodes).items():
        inner = f"{path}.{name}" if path else name
        if any(isinstance(node.primitive, STATEFUL) for node in members) and members[0].name != inner:
            children.append(block_of(graph, inner, name, members))
        else:
            # A scope of one pooling is no block: the pooling takes the scope's name.
            children += [Leaf(name if len(members) == 1 else relative(node.name, path), node) for node in members]
    inside = {node.name for node in nodes}
    inputs = dict.fromkeys(name for child in in_order(path, children) for name in child.inputs if name not in inside)
    outputs = tuple(node.name for node in nodes if leaves(graph, node, inside))
    return Block(path, attribute, in_order(path, children), tuple(inputs), outputs)


def grouped(path: str, nodes: Iterable[Node]) -> Mapping[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(relative(node.name, path).partition(".")[0], []).append(node)
    return groups


def relative(name: str, path: str) -> str:
    return name.removeprefix(f"{path}.") if path else name


def leaves(graph: Graph, node: Node, inside: set[str]) -> bool:
    """Returns whether somebody outside reads the node's value."""
    return node is graph.output or any(reader.name not in inside for reader in graph.consumers(node.name))


def in_order(path: str, children: list[Leaf | Block]) -> tuple[Leaf | Block, ...]:
    """Sorts children so that each stands after those it reads.

    Raises PrintError where a block, which counts as one step, would wait for itself.
    """
    maker = {name: child for child in children for name in child.outputs}
    waiting = list(children)
    done: list[Leaf | Block] = []
    finished: set[str] = set()
    while waiting:
        ready = [c for c in waiting if all(name in finished or name not in maker for name in c.inputs)]
        if not ready:
            stuck = ", ".join(child.attribute for child in waiting)
            raise PrintError(
                f"block {path or 'of the network'!r}: {stuck} read one another's values; give them one scope"
            )
        done.append(ready[0])
        waiting.remove(ready[0])
        finished.update(ready[0].outputs)
    return tuple(done)

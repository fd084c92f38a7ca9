"""The graph of a network: immutable, topologically ordered, the one thing that all readers read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from architectures.ir.primitives import Facts, Primitive, Shape, facts


@dataclass(frozen=True, slots=True)
class Node:
    """One primitive; its name is the dotted path of its module, its inputs are names of earlier nodes."""

    name: str
    primitive: Primitive
    inputs: tuple[str, ...]
    shape: Shape

    @property
    def scope(self) -> str:
        return self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Graph:
    """The first node is the input (named "input"), the last one the output."""

    nodes: tuple[Node, ...]

    @property
    def input_shape(self) -> Shape:
        return self.nodes[0].shape

    @property
    def output_shape(self) -> Shape:
        return self.nodes[-1].shape

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    @property
    def classes(self) -> int:
        return self.output_shape[0]

    def node(self, name: str) -> Node:
        """Returns the node of this name. Raises KeyError where there is none."""
        try:
            return self.by_name[name]
        except KeyError:
            raise KeyError(f"the graph has no node {name!r}") from None

    def consumers(self, name: str) -> tuple[Node, ...]:
        return self._consumers.get(name, ())

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def facts(self) -> tuple[Facts, ...]:
        """Returns what each node's primitive says of itself."""
        shapes = {node.name: node.shape for node in self.nodes}
        return tuple([facts(node.primitive, tuple([shapes[name] for name in node.inputs])) for node in self.nodes])

    @cached_property
    def inputs(self) -> tuple[tuple[int, ...], ...]:
        """Lists the positions of each node's inputs."""
        position = {node.name: index for index, node in enumerate(self.nodes)}
        return tuple([tuple([position[name] for name in node.inputs]) for node in self.nodes])

    @cached_property
    def _consumers(self) -> Mapping[str, tuple[Node, ...]]:
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

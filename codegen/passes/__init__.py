"""Passes: one file each, graph to graph; every result verifies and computes the same in inference."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from architectures.ir.graph import Graph
from architectures.registry import Registry

Arrays = Mapping[str, Any]  # by state-dict key; numpy arrays and torch tensors both will do


class Pass(Protocol):
    """A change of the network that leaves its output as it is."""

    title: ClassVar[str]

    def apply(self, graph: Graph) -> Graph: ...

    def weights(self, graph: Graph, weights: Arrays) -> Arrays:
        """The weights of `apply(graph)`, out of those of the graph."""
        ...


passes: Registry[Pass] = Registry("pass", "codegen.passes")
register = passes.register
names = passes.names
get = passes.get

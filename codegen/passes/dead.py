"""Nodes that change nothing are dropped: identities, zeros in sums, branches that nobody reads."""

from dataclasses import replace
from typing import ClassVar

from architectures.ir.graph import Graph
from architectures.ir.primitives import Dropout, Identity
from architectures.ir.prune import prune
from architectures.ir.verify import verify
from codegen.passes import Arrays, register


@register("remove_dead")
class RemoveDead:
    title: ClassVar[str] = "Identities, dropouts and dead branches removed"

    def apply(self, graph: Graph) -> Graph:
        """Dropout is an identity in inference."""
        still = (replace(n, primitive=Identity()) if isinstance(n.primitive, Dropout) else n for n in graph.nodes)
        result = prune(Graph(tuple(still)))
        verify(result)
        return result

    def weights(self, graph: Graph, weights: Arrays) -> Arrays:
        left = {node.name for node in self.apply(graph).nodes}
        return {name: value for name, value in weights.items() if name.rpartition(".")[0] in left}

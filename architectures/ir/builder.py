"""Builds graphs: names by scope, shapes by inference, verified at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Identity, Input, Primitive, Shape, ShapeError, facts
from architectures.ir.prune import prune
from architectures.ir.verify import GraphError, verify


class Builder:
    """A graph under construction.

        builder = Builder((1, 8, 8))
        with builder.scope("stem"):
            x = builder.add("conv", Conv2d(16), "input")  # "stem.conv"

    `literal=True` keeps identities, zeros and branches that do not reach the output.
    """

    def __init__(self, input_shape: Shape, *, literal: bool = False) -> None:
        self.literal = literal
        self._prefix = ""
        primitive = Input(tuple(input_shape))
        self._nodes = [Node("input", primitive, (), facts(primitive, ()).shape)]
        self._shapes: dict[str, Shape] = {"input": self._nodes[0].shape}

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        outer = self._prefix
        self._prefix = f"{outer}{name}."
        try:
            yield
        finally:
            self._prefix = outer

    def add(self, name: str, primitive: Primitive, *inputs: str) -> str:
        """Adds a node to the present scope and returns its full name (for an identity, unless literal, its input's)."""
        if not self.literal and type(primitive) is Identity:
            return inputs[0]
        path = self._prefix + name
        shapes = self._shapes
        if path in shapes:
            raise GraphError(path, "names must be unique", "there are two of this name")
        try:
            shape = facts(primitive, tuple([shapes[each] for each in inputs]))[0]
        except KeyError as missing:
            raise GraphError(
                path, "inputs must be nodes that stand before it", f"{missing.args[0]!r} does not"
            ) from None
        except ShapeError as error:
            raise GraphError(path, error.rule, error.values) from None
        shapes[path] = shape
        self._nodes.append(Node(path, primitive, inputs, shape))
        return path

    def shape(self, name: str) -> Shape:
        return self._shapes[name]

    def build(self) -> Graph:
        """The graph whose output is the node added last."""
        graph = Graph(tuple(self._nodes))
        if not self.literal:
            graph = prune(graph)
        verify(graph)
        return graph

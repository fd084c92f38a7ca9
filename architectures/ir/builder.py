"""Builds graphs: names by scope, shapes by inference, verified at the end."""

from __future__ import annotations

from types import TracebackType

from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Facts, Identity, Input, Primitive, Shape, ShapeError, facts
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
        self._facts: list[Facts] = []
        self._shapes: dict[str, Shape] = {"input": self._nodes[0].shape}

    def scope(self, name: str) -> _Scope:
        return _Scope(self, name)

    def add(self, name: str, primitive: Primitive, *inputs: str) -> str:
        """Adds a node to the present scope and returns its full name (for an identity, unless literal, its input's).

        Raises GraphError where the name is taken, an input is missing or the shapes do not fit.
        """
        if not self.literal and type(primitive) is Identity:
            return inputs[0]
        path = self._prefix + name
        shapes = self._shapes
        if path in shapes:
            raise GraphError(path, "names must be unique", "there are two of this name")
        try:
            found = facts(primitive, tuple([shapes[each] for each in inputs]))
        except KeyError as missing:
            raise GraphError(
                path, "inputs must be nodes that stand before it", f"{missing.args[0]!r} does not"
            ) from None
        except ShapeError as error:
            raise GraphError(path, error.rule, error.values) from None
        shapes[path] = found.shape
        self._facts.append(found)
        self._nodes.append(Node(path, primitive, inputs, found.shape))
        return path

    def shape(self, name: str) -> Shape:
        return self._shapes[name]

    def costs(self) -> tuple[int, int]:
        """Parameters and MACs of the nodes so far."""
        return sum(each.params for each in self._facts), sum(each.macs for each in self._facts)

    def build(self) -> Graph:
        """The graph whose output is the node added last."""
        graph = Graph(tuple(self._nodes))
        if not self.literal:
            graph = prune(graph)
        verify(graph)
        return graph


class _Scope:
    """A plain class: a generator would cost as much as the nodes inside."""

    def __init__(self, builder: Builder, name: str) -> None:
        self._builder, self._name = builder, name

    def __enter__(self) -> None:
        self._outer = self._builder._prefix
        self._builder._prefix = f"{self._outer}{self._name}."

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._builder._prefix = self._outer

"""A framework's words for a network: a table of layers, a table of expressions, and what reads alike in all of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import singledispatch
from typing import ClassVar

from architectures.ir import primitives
from architectures.ir.primitives import Primitive
from codegen.printing.blocks import PrintError

Say = Callable[[str], str]  # a primitive's argument by name, as source text
CONV_DEFAULTS = {"stride": "1", "padding": "0", "dilation": "1", "groups": "1", "bias": "True"}
NORM_DEFAULTS = {"eps": "1e-05", "momentum": "0.1"}


class Dialect:
    """What a new framework gives: its two tables with a rule for each primitive, and a few words."""

    name: ClassVar[str]
    tensor: ClassVar[str]  # the type of a value
    bases: ClassVar[tuple[str, str]]  # what the class of a block extends, and that of the network
    layers: ClassVar[Mapping[type[Primitive], str]]  # constructors; their arguments are PyTorch's everywhere
    values: ClassVar[Mapping[type[Primitive], str]]  # `ops.relu({})`, where the operands stand between the braces
    more: ClassVar[Mapping[type[Primitive], tuple[str, ...]]] = {}  # arguments that this framework alone is given
    forward: ClassVar[str] = "forward"  # the method that computes
    opening: ClassVar[tuple[str, ...]] = ("super().__init__()",)  # of a constructor
    channels_last: ClassVar[bool] = False
    constants: ClassVar[tuple[str, ...]] = ()
    closing: ClassVar[tuple[str, ...]] = ()  # what stands below the classes

    def imports(self, text: str) -> Iterable[str]:
        """Returns the import lines of these classes; none unless the framework says so."""
        return ()

    def is_module(self, op: Primitive) -> bool:
        """Returns whether it is made in the constructor; the others are expressions where they are used."""
        return type(op) in self.layers

    def layer(self, op: Primitive, say: Say) -> str:
        return call(self.layers[type(op)], *arguments(op, say), *self.more.get(type(op), ()))

    def value(self, op: Primitive, *operands: str) -> str:
        return value(op, self, *operands)

    def loop(self, name: str, count: int, made: str) -> Iterator[str]:
        """The body of a class that is one block `count` times: the rest of the constructor, and the forward pass."""
        yield f"        for number in range({count}):"
        yield f'            setattr(self, f"{name}{{number + 1}}", {made})'
        yield from ("", f"    def {self.forward}(self, x: {self.tensor}) -> {self.tensor}:")
        yield f"        for number in range({count}):"
        yield from (f'            x = getattr(self, f"{name}{{number + 1}}")(x)', "        return x")


@singledispatch
def arguments(op: Primitive, say: Say) -> list[str]:
    """Returns the arguments of a layer's constructor. Raises PrintError where the primitive has no rule."""
    raise PrintError(f"a layer for the primitive {op.kind} has no arguments")


@arguments.register
def _(op: primitives.Conv2d, say: Say) -> list[str]:
    return [say("in_channels"), say("out_channels"), say("kernel"), *unusual(CONV_DEFAULTS, say)]


@arguments.register
def _(op: primitives.BatchNorm, say: Say) -> list[str]:
    return [say("in_channels"), *unusual(NORM_DEFAULTS, say)]


@arguments.register
def _(op: primitives.Linear, say: Say) -> list[str]:
    return [say("in_channels"), say("out_features"), *unusual({"bias": "True"}, say)]


@arguments.register(primitives.MaxPool)
@arguments.register(primitives.AvgPool)
def _(op: Primitive, say: Say) -> list[str]:
    return [say("kernel"), f"stride={say('stride')}", f"padding={say('padding')}"]


@arguments.register
def _(op: primitives.Dropout, say: Say) -> list[str]:
    return [say("rate")]


@singledispatch
def value(op: Primitive, words: Dialect, *operands: str) -> str:
    """Returns the expression of a primitive that has no module.

    Raises PrintError where the framework has no rule for it.
    """
    if type(op) not in words.values:
        raise PrintError(f"{words.name} has no rule for the primitive {op.kind}")
    return words.values[type(op)].format(", ".join(operands))


@value.register
def _(op: primitives.Add, words: Dialect, *operands: str) -> str:
    return " + ".join(operands)


@value.register
def _(op: primitives.Multiply, words: Dialect, x: str, y: str) -> str:
    return f"{grouped(x)} * {grouped(y)}"


@value.register
def _(op: primitives.Identity, words: Dialect, x: str) -> str:
    return x


@value.register
def _(op: primitives.Zero, words: Dialect, x: str) -> str:
    rows = "" if words.channels_last else ":, "
    thinned = f"[:, {rows}::{op.stride!r}, ::{op.stride!r}]" if op.stride > 1 else ""
    return words.values[primitives.Zero].format(f"{x}{thinned}")


def covers(words: Dialect, primitive: type[Primitive]) -> bool:
    """Returns whether there is a rule for it."""
    is_shared = value.dispatch(primitive) is not value.dispatch(object)
    return is_shared or primitive in words.layers or primitive in words.values


def unusual(defaults: Mapping[str, str], say: Say) -> list[str]:
    return [f"{name}={say(name)}" for name, usual in defaults.items() if say(name) != usual]


def grouped(text: str) -> str:
    return f"({text})" if " + " in text else text


def call(function: str, *given: str) -> str:
    return f"{function}({', '.join(given)})"

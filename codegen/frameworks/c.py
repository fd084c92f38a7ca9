"""Plain C99: one function, no allocation, activations in one static arena, weights as constants."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from math import prod
from typing import ClassVar

from architectures.ir import primitives
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Primitive
from codegen.frameworks import register
from codegen.frameworks.arena import Arena, plan
from codegen.frameworks.blocks import PrintError
from codegen.passes.fusion import fused
from codegen.skeletons import skeleton

MOST_PARAMETERS = 3_000_000  # a weight takes about 13 bytes of source
IN_PLACE = {
    primitives.BatchNorm: "batch_norm",
    primitives.Relu: "relu",
    primitives.Relu6: "relu6",
    primitives.HardSwish: "hard_swish",
    primitives.HardSigmoid: "hard_sigmoid",
    primitives.Sigmoid: "sigmoid",
}
VIEWS = (primitives.Flatten, primitives.Identity, primitives.Dropout)


@dataclass(frozen=True)
class Spot:
    """A node with the text of its inputs, of its output, and of an array of its weights by suffix."""

    node: Node
    shapes: tuple[tuple[int, ...], ...]
    inputs: tuple[str, ...]
    output: str

    def array(self, suffix: str) -> str:
        return f"{self.node.name.replace('.', '__')}__{suffix}"

    @property
    def size(self) -> int:
        return prod(self.node.shape)

    def moved(self) -> list[str]:
        """The first input brought into the output's place, unless it is there already."""
        same = self.inputs[0] == self.output
        return [] if same else [f"copy({self.inputs[0]}, {prod(self.shapes[0])}, {self.output});"]


@singledispatch
def lines(op: Primitive, spot: Spot) -> list[str]:
    raise PrintError(f"C has no rule for the primitive {op.kind}")


@lines.register
def _(op: primitives.Conv2d, spot: Spot) -> list[str]:
    numbers = (op.out_channels, op.kernel, op.stride, op.padding, op.dilation, op.groups)
    arrays = (spot.array("weight"), spot.array("bias"))
    return [call("conv2d", spot.inputs[0], *spot.shapes[0], *arrays, *numbers, spot.output)]


@lines.register
def _(op: primitives.Linear, spot: Spot) -> list[str]:
    arrays = (spot.array("weight"), spot.array("bias"))
    return [call("linear", spot.inputs[0], spot.shapes[0][0], *arrays, op.out_features, spot.output)]


@lines.register
def _(op: primitives.BatchNorm, spot: Spot) -> list[str]:
    channels, *sides = spot.node.shape
    arrays = (spot.array("scale"), spot.array("shift"))
    return [*spot.moved(), call("batch_norm", spot.output, channels, prod(sides), *arrays)]


@lines.register(primitives.Relu)
@lines.register(primitives.Relu6)
@lines.register(primitives.HardSwish)
@lines.register(primitives.HardSigmoid)
@lines.register(primitives.Sigmoid)
def _(op: Primitive, spot: Spot) -> list[str]:
    return [*spot.moved(), call(IN_PLACE[type(op)], spot.output, spot.size)]


@lines.register
def _(op: primitives.MaxPool, spot: Spot) -> list[str]:
    return [call("max_pool", spot.inputs[0], *spot.shapes[0], op.kernel, op.stride, op.padding, spot.output)]


@lines.register
def _(op: primitives.AvgPool, spot: Spot) -> list[str]:
    return [call("avg_pool", spot.inputs[0], *spot.shapes[0], op.kernel, op.stride, op.padding, spot.output)]


@lines.register
def _(op: primitives.Add, spot: Spot) -> list[str]:
    return [*spot.moved(), *(call("add", spot.output, other, spot.size) for other in spot.inputs[1:])]


@lines.register
def _(op: primitives.Multiply, spot: Spot) -> list[str]:
    if spot.shapes[0] == spot.shapes[1]:
        return [*spot.moved(), call("multiply", spot.output, spot.inputs[1], spot.size)]
    channels, *sides = spot.node.shape
    return [*spot.moved(), call("scale", spot.output, spot.inputs[1], channels, prod(sides))]


@lines.register
def _(op: primitives.Concat, spot: Spot) -> list[str]:
    written, texts = 0, []
    for text, shape in zip(spot.inputs, spot.shapes, strict=True):
        texts.append(call("copy", text, prod(shape), f"{spot.output} + {written}"))
        written += prod(shape)
    return texts


@lines.register
def _(op: primitives.GlobalAvgPool, spot: Spot) -> list[str]:
    channels, *sides = spot.shapes[0]
    return [call("global_avg_pool", spot.inputs[0], channels, prod(sides), spot.output)]


@lines.register
def _(op: primitives.Zero, spot: Spot) -> list[str]:
    return [call("zero", spot.output, spot.size)]


@lines.register(primitives.Flatten)
@lines.register(primitives.Identity)
@lines.register(primitives.Dropout)
def _(op: Primitive, spot: Spot) -> list[str]:
    return spot.moved()


def reuses(node: Node) -> str | None:
    """The input whose buffer a node may overwrite. Not where it reads the same value once more."""
    op = node.primitive
    if (
        isinstance(op, (*IN_PLACE, *VIEWS, primitives.Add, primitives.Multiply))
        and node.inputs[0] not in node.inputs[1:]
    ):
        return node.inputs[0]
    return None


def call(function: str, *arguments: object) -> str:
    return f"{function}({', '.join(map(str, arguments))});"


@register("c")
class C99:
    title: ClassVar[str] = "C99 source with a static arena"
    place: ClassVar[int] = 40
    files: ClassVar[tuple[str, ...]] = ("exports/c",)
    needs: ClassVar[tuple[str, ...]] = ()
    needs_data: ClassVar[bool] = False

    def sources(self, graph: Graph) -> Mapping[str, str]:
        params = complexity(graph).params
        if params > MOST_PARAMETERS:
            raise PrintError(
                f"C source is printed up to {MOST_PARAMETERS:,} parameters, but the network has {params:,}"
            )
        folder = {path: text for path, text in skeleton().items() if path.startswith("exports/c/")}
        header, source = program(fused(graph))
        return {**folder, "exports/c/model.h": header, "exports/c/model.c": source}


def program(graph: Graph) -> tuple[str, str]:
    """Header and source of a network without foldable batch norms."""
    check_names(graph)
    outside = {"input": "image", graph.output.name: "logits"}
    arena = plan(graph, outside, reuses)
    body = []
    for node in graph.nodes[1:]:
        spot = spot_of(graph, node, arena, outside)
        body.append(f"    /* {node.name}: {' × '.join(map(str, node.shape))} */")
        body += [f"    {line}" for line in lines(node.primitive, spot)]
    return header_text(graph, arena), source_text(body, graph.output.shape[0])


def spot_of(graph: Graph, node: Node, arena: Arena, outside: Mapping[str, str]) -> Spot:
    where: Callable[[str], str] = lambda name: outside.get(arena.owner[name]) or f"arena + {arena.offsets[name]}"  # noqa: E731
    shapes = tuple(graph.node(name).shape for name in node.inputs)
    return Spot(node, shapes, tuple(map(where, node.inputs)), where(node.name))


def header_text(graph: Graph, arena: Arena) -> str:
    shape = " × ".join(map(str, graph.input_shape))
    return HEADER.format(
        shape=shape, inputs=prod(graph.input_shape), classes=graph.classes, bytes=4 * max(1, arena.size)
    )


def source_text(body: list[str], classes: int) -> str:
    used = {re.match(r" *(\w+)\(", line)[1] for line in body if re.match(r" *\w+\(", line)}  # type: ignore[index]
    kernels = [text for name, text in kernel_texts().items() if name in used]
    return "\n".join([SOURCE, "\n\n".join(kernels), "", RUN, *body, "}", ""])


def kernel_texts() -> dict[str, str]:
    parts = skeleton("c")["kernels.c"].strip().split("\n\n")
    return {re.match(r"static void (\w+)\(", part)[1]: part for part in parts}  # type: ignore[index]


def check_names(graph: Graph) -> None:
    """Two nodes could become one C name: `a.b__c` and `a.b.c`."""
    names = [node.name.replace(".", "__") for node in graph.nodes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise PrintError(f"two nodes have the C name {twice}; rename one")


HEADER = """\
/* An image classifier found by architecture search: C99, nothing is allocated. */
#ifndef MODEL_H
#define MODEL_H

#define MODEL_INPUTS {inputs} /* {shape} */
#define MODEL_CLASSES {classes}
#define MODEL_ARENA_BYTES {bytes} /* RAM for activations; the weights are constants */

/* A normalised image (channels, height, width) to logits. The arena is static: one call at a time. */
void model_run(const float *image, float *logits);

#endif
"""

SOURCE = """\
#include "model.h"

#include <math.h>
#include <string.h>

#include "weights.h"

static float arena[MODEL_ARENA_BYTES / sizeof(float)];
"""

RUN = """\
void model_run(const float *image, float *logits)
{"""

"""Plain C99: one function, no allocation, activations in one static arena, weights as constants."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from math import prod
from pathlib import Path
from typing import Any

from architectures.ir import primitives
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Primitive
from codegen.frameworks import Framework, folder_of, register
from codegen.passes.fusion import activations, fused
from codegen.printing.arena import Arena, plan
from codegen.printing.blocks import PrintError
from codegen.skeletons import skeleton

MOST_PARAMETERS = 3_000_000  # a weight takes about 13 bytes of source
ACTIVATIONS = {
    primitives.Relu: "RELU",
    primitives.Relu6: "RELU6",
    primitives.HardSwish: "HARD_SWISH",
    primitives.HardSigmoid: "HARD_SIGMOID",
    primitives.Sigmoid: "SIGMOID",
}
ACTIVATING = {"conv2d", "linear", "conv2d_int8", "linear_int8", "activate"}  # kernels that apply one
IN_PLACE = (primitives.BatchNorm, *ACTIVATIONS)
STEP = re.compile(r"    /\* (\S+ \+ )?(?P<last>\S+): ")
VIEWS = (primitives.Flatten, primitives.Identity, primitives.Dropout)


@dataclass(frozen=True)
class Spot:
    """A node with the text of its inputs, of its output, and of an array of its weights by suffix."""

    node: Node
    shapes: tuple[tuple[int, ...], ...]
    inputs: tuple[str, ...]
    output: str
    activation: str = "NONE"  # of a convolution or linear layer: applied to each value before it is stored
    int8: bool = False

    def array(self, suffix: str) -> str:
        return f"{self.node.name.replace('.', '__')}__{suffix}"

    @property
    def weights(self) -> tuple[str, ...]:
        """int8 weights have one step per channel."""
        return tuple(self.array(suffix) for suffix in ("weight", *(["steps"] if self.int8 else []), "bias"))

    def kernel(self, name: str) -> str:
        return f"{name}_int8" if self.int8 else name

    @property
    def size(self) -> int:
        return prod(self.node.shape)

    def moved(self) -> list[str]:
        """The first input brought into the output's place, unless it is there already."""
        same = self.inputs[0] == self.output
        return [] if same else [f"copy({self.inputs[0]}, {prod(self.shapes[0])}, {self.output});"]


@singledispatch
def lines(op: Primitive, spot: Spot) -> list[str]:
    """Prints the C statements of a primitive. Raises PrintError where it has no rule."""
    raise PrintError(f"C has no rule for the primitive {op.kind}")


@lines.register
def _(op: primitives.Conv2d, spot: Spot) -> list[str]:
    numbers = (op.out_channels, op.kernel, op.stride, op.padding, op.dilation, op.groups)
    return [
        call(
            spot.kernel("conv2d"),
            spot.inputs[0],
            *spot.shapes[0],
            *spot.weights,
            *numbers,
            spot.activation,
            spot.output,
        )
    ]


@lines.register
def _(op: primitives.Linear, spot: Spot) -> list[str]:
    return [
        call(
            spot.kernel("linear"),
            spot.inputs[0],
            spot.shapes[0][0],
            *spot.weights,
            op.out_features,
            spot.activation,
            spot.output,
        )
    ]


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
    return [*spot.moved(), call("activate", spot.output, spot.size, ACTIVATIONS[type(op)])]


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
class C99(Framework):
    title = "C99 source with a static arena"
    place = 40
    files = ("exports/c",)

    def sources(self, graph: Graph) -> Mapping[str, str]:
        check_size(graph)
        header, source = program(fused(graph))
        return folder_of("c", {"model.h": header, "model.c": source})

    def values(self, graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
        yield from traced(fused(graph), folder / "exports" / "c", images)


def check_size(graph: Graph) -> None:
    """Refuses a network too large for C source. Raises PrintError where it has more than MOST_PARAMETERS parameters."""
    params = complexity(graph).params
    if params > MOST_PARAMETERS:
        raise PrintError(f"C source is printed up to {MOST_PARAMETERS:,} parameters, but the network has {params:,}")


def program(graph: Graph, int8: bool = False) -> tuple[str, str]:
    """Header and source of a network without foldable batch norms."""
    check_names(graph)
    outside = storage(graph)
    arena = plan(graph, outside, reuses)
    joined = {pair.before: pair.activation for pair in activations(graph) if not pair.reason}
    body = []
    for node in graph.nodes[1:]:
        if node.name in joined.values():
            continue  # the convolution before it has applied it
        spot = replace(spot_of(graph, node, arena, outside), int8=int8)
        follower = joined.get(node.name)
        spot = replace(spot, activation=ACTIVATIONS[type(graph.node(follower).primitive)]) if follower else spot
        names = f"{node.name} + {follower}" if follower else node.name
        body.append(f"    /* {names}: {' × '.join(map(str, node.shape))} */")
        body += [f"    {line}" for line in lines(node.primitive, spot)]
    return header_text(graph, arena), source_text(body, graph.output.shape[0])


def storage(graph: Graph) -> dict[str, str]:
    """The values that the caller holds."""
    return {"input": "image", graph.output.name: "logits"}


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
    used |= {"activated"} if used & ACTIVATING else set()
    kernels = [text for name, text in kernel_texts().items() if name in used]
    return "\n".join([SOURCE, "\n\n".join(kernels), "", RUN, *body, "}", ""])


def kernel_texts() -> dict[str, str]:
    parts = skeleton("c")["kernels.c"].strip().split("\n\n")
    return {re.match(r"static (?:void|float) (\w+)\(", part)[1]: part for part in parts}  # type: ignore[index]


def traced(graph: Graph, folder: Path, images: Any) -> Iterator[Any]:
    """Runs the source of the folder, with a line after each step that writes the step's values."""
    import numpy as np

    arena = plan(graph, storage(graph), reuses)
    steps: list[Spot] = []
    lines: list[str] = ["#include <stdio.h>"]
    for line in (folder / "model.c").read_text(encoding="utf-8").splitlines():
        step = STEP.match(line)
        if steps and (step or line == "}"):
            lines.append(f"    fwrite({steps[-1].output}, sizeof(float), {steps[-1].size}, stdout);")
        if step:
            steps.append(spot_of(graph, graph.node(step["last"]), arena, storage(graph)))
        lines.append(line)
    with tempfile.TemporaryDirectory() as place:
        for path in folder.glob("*.[ch]"):
            shutil.copy(path, place)
        (Path(place) / "model.c").write_text("\n".join(lines) + "\n", encoding="utf-8")
        subprocess.run(["cc", "-O1", "main.c", "model.c", "-lm", "-o", "model"], cwd=place, check=True)
        given = np.ascontiguousarray(images, np.float32).tobytes()
        said = subprocess.run([f"{place}/model"], input=given, stdout=subprocess.PIPE, check=True).stdout
    rows = np.frombuffer(said, np.float32).reshape(len(images), -1)  # after the steps of an image, its logits
    for spot, values in zip(steps, np.split(rows, np.cumsum([spot.size for spot in steps]), axis=1), strict=False):
        yield values.reshape(len(images), *spot.node.shape)


def check_names(graph: Graph) -> None:
    """Refuses nodes that would share a C name, as `a.b__c` and `a.b.c` do. Raises PrintError where two do."""
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

enum activation { NONE, RELU, RELU6, HARD_SWISH, HARD_SIGMOID, SIGMOID };

static float arena[MODEL_ARENA_BYTES / sizeof(float)];
"""

RUN = """\
void model_run(const float *image, float *logits)
{"""

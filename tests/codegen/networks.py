"""Networks and requests that the tests of codegen share."""

from random import Random
from typing import Any

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.json import to_document
from architectures.ir.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool,
    HardSigmoid,
    HardSwish,
    Linear,
    MaxPool,
    Multiply,
    Relu,
    Relu6,
    Sigmoid,
    Zero,
)
from architectures.spaces import create, names
from codegen.repository_request import RepositoryRequest

SHAPES = ((1, 8, 8), (3, 32, 32), (1, 28, 28), (3, 17, 23))
CLASSES = (2, 10, 37)


def sampled(number: int, space: str | None = None, shape: tuple[int, int, int] | None = None) -> Graph:
    """The number-th random network; its space, input and classes vary with the number."""
    random = Random(f"networks/{number}")
    chosen = create(space or random.choice(names()), shape or random.choice(SHAPES), random.choice(CLASSES))
    return chosen.decode(chosen.sample(random))


def small() -> Graph:
    """Stem, one residual layer, head: what a person can read at a glance."""
    builder = Builder((1, 8, 8))
    with builder.scope("stem"):
        x = builder.add("conv", Conv2d(8), "input")
        x = builder.add("norm", BatchNorm(), x)
        x = builder.add("activation", Relu(), x)
    with builder.scope("stage1"):
        with builder.scope("layer1"):
            y = builder.add("conv", Conv2d(8), x)
            y = builder.add("norm", BatchNorm(), y)
            x = builder.add("add", Add(), builder.add("activation", Relu(), y), x)
        with builder.scope("layer2"):
            x = builder.add("pool", AvgPool(stride=2), x)
    with builder.scope("head"):
        x = builder.add("pool", GlobalAvgPool(), x)
        x = builder.add("flatten", Flatten(), x)
        builder.add("linear", Linear(3), x)
    return builder.build()


def every_primitive() -> Graph:
    """One network with every primitive, as far as a pruned network holds it."""
    builder = Builder((3, 9, 11), literal=True)
    with builder.scope("stem"):
        x = builder.add("conv", Conv2d(8, kernel=5, stride=2, padding=2, bias=True), "input")
        x = builder.add("norm", BatchNorm(eps=1e-3, momentum=0.3), x)
        x = builder.add("activation", HardSwish(), x)
    with builder.scope("stage1"):
        with builder.scope("block1"):
            y = builder.add("depthwise", Conv2d(8, dilation=2, padding=2, groups=8), x)
            y = builder.add("activation", Relu6(), y)
            with builder.scope("squeeze"):
                s = builder.add("pool", GlobalAvgPool(), y)
                s = builder.add("reduce", Conv2d(2, kernel=1, padding=0, bias=True), s)
                s = builder.add("activation", Relu(), s)
                s = builder.add("restore", Conv2d(8, kernel=1, padding=0, bias=True), s)
                s = builder.add("gate", HardSigmoid(), s)
            y = builder.add("scale", Multiply(), y, s)
            x = builder.add("add", Add(), y, x, y)
        with builder.scope("block2"):
            first = builder.add("max_pool", MaxPool(), x)
            second = builder.add("avg_pool", AvgPool(), x)
            nothing = builder.add("zero", Zero(), x)
            x = builder.add("concat", Concat(), first, second, nothing)
            gate = builder.add("gate", Sigmoid(), x)
            x = builder.add("product", Multiply(), x, gate)
    with builder.scope("stage2"):
        x = builder.add("thin", Zero(stride=2), x)
        other = builder.add("pool", AvgPool(stride=2), gate)
        x = builder.add("add", Add(), x, other)
        x = builder.add("grouped", Conv2d(12, groups=4), x)
    with builder.scope("head"):
        x = builder.add("pool", MaxPool(kernel=1, stride=2, padding=0), x)
        x = builder.add("flatten", Flatten(), x)
        x = builder.add("dropout", Dropout(0.3), x)
        builder.add("linear", Linear(5, bias=False), x)
    return builder.build()


def request(graph: Graph | None = None, **changes: Any) -> RepositoryRequest:
    given: dict[str, Any] = {"name": "A small network", "architecture": to_document(graph or small()), "exports": ()}
    return RepositoryRequest(**(given | changes))

"""Small graphs for tests."""

from architectures.ir.builder import Builder
from architectures.ir.graph import Graph
from architectures.ir.primitives import Add, BatchNorm, Conv2d, Flatten, GlobalAvgPool, Identity, Linear, Relu, Zero


def head(builder: Builder, x: str, classes: int = 3) -> Graph:
    with builder.scope("head"):
        x = builder.add("pool", GlobalAvgPool(), x)
        x = builder.add("flatten", Flatten(), x)
        builder.add("linear", Linear(classes), x)
    return builder.build()


def two_branches(left: str = "left", right: str = "right", *, swap: bool = False, literal: bool = False) -> Graph:
    """A 3×3 and a 1×1 convolution of the input, added; optionally with a dead branch, an identity and a zero."""
    builder = Builder((3, 8, 8), literal=literal)
    branches = [(left, Conv2d(8)), (right, Conv2d(8, kernel=1, padding=0))]
    ends = []
    for name, conv in reversed(branches) if swap else branches:
        with builder.scope(name):
            ends.append(builder.add("norm", BatchNorm(), builder.add("conv", conv, "input")))
    if literal:
        builder.add("dead", Relu(), ends[0])
        ends[0] = builder.add("same", Identity(), ends[0])
        ends.append(builder.add("nothing", Zero(), ends[1]))
    return head(builder, builder.add("add", Add(), *ends))


def plain(depth: int = 2) -> Graph:
    builder = Builder((3, 8, 8))
    x = "input"
    for number in range(depth):
        with builder.scope(f"layer{number + 1}"):
            x = builder.add("conv", Conv2d(8), x)
            x = builder.add("norm", BatchNorm(), x)
            x = builder.add("activation", Relu(), x)
    return head(builder, x)

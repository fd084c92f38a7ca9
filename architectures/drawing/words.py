"""Short words for primitives, shapes and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from architectures.ir import primitives as p
from architectures.ir.complexity import NodeComplexity
from architectures.ir.graph import Node
from architectures.ir.primitives import Primitive, Shape

FAMILIES = {
    "Conv2d": "conv",
    "Linear": "conv",
    "BatchNorm": "norm",
    "MaxPool": "pool",
    "AvgPool": "pool",
    "GlobalAvgPool": "pool",
    "Add": "join",
    "Multiply": "join",
    "Concat": "join",
}


def family(primitive: Primitive) -> str:
    """Returns the family of a primitive, which gives its colour."""
    return FAMILIES.get(primitive.kind, "act")


def headline(nodes: Sequence[Node]) -> str:
    """Returns what a block does: its convolutions, pools and joins, else whatever it has."""
    weighty = [short(node.primitive) for node in nodes if family(node.primitive) in ("conv", "pool")]
    joins = [short(node.primitive) for node in nodes if family(node.primitive) == "join"]
    words = weighty or joins or [short(node.primitive) for node in nodes]
    if len(words) > 1:  # beside another, a pointwise convolution is named by its size alone
        words = [word.removeprefix("conv ") if word == "conv 1×1" else word for word in words]
    text = ", ".join(words[:3]) + (f", {len(words) - 3} more" if len(words) > 3 else "")
    return f"{text}, add" if weighty and "add" in joins else text


@singledispatch
def short(primitive: Primitive) -> str:
    return {"Relu": "ReLU", "BatchNorm": "batch norm", "GlobalAvgPool": "global pool"}.get(
        primitive.kind, primitive.kind.lower()
    )


@short.register
def _(conv: p.Conv2d) -> str:
    kind = "depthwise" if conv.groups == conv.out_channels > 1 else "conv"
    return f"{kind} {conv.kernel}×{conv.kernel}" + (" dilated" if conv.dilation > 1 else "")


@short.register
def _(pool: p.MaxPool) -> str:
    return f"max pool {pool.kernel}×{pool.kernel}"


@short.register
def _(pool: p.AvgPool) -> str:
    return f"mean pool {pool.kernel}×{pool.kernel}"


@short.register
def _(linear: p.Linear) -> str:
    return f"linear {linear.out_features}"


@short.register
def _(value: p.Input) -> str:
    return "input"


def dimensions(shape: Shape) -> str:
    return "×".join(map(str, shape))


def number(value: int) -> str:
    """Three significant digits: 247 K, 18.3 M."""
    if value < 1000:
        return str(value)
    for unit, size in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if value >= 0.9995 * size:
            scaled = value / size
            return f"{scaled:.{0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2}f} {unit}"
    return str(value)


def sentence(node: Node, cost: NodeComplexity) -> str:
    """The tooltip of a node."""
    facts = [f"→ {dimensions(node.shape)}"]
    stride = getattr(node.primitive, "stride", 1)
    if stride != 1:
        facts.append(f"stride {stride}")
    if cost.params:
        facts.append(f"{number(cost.params)} parameters")
    if cost.macs:
        facts.append(f"{number(cost.macs)} MACs")
    return f"{node.name}: {short(node.primitive)} {', '.join(facts)}"

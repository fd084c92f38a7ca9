"""Names of printed classes: after the scope (`layer3` is a Layer), and after what is in it where layers differ."""

import re
from collections import Counter
from collections.abc import Sequence

from architectures.ir.primitives import Add, AvgPool, Concat, Conv2d, Linear, MaxPool, Multiply
from codegen.printing.blocks import Block, Leaf

WORDS = {
    "expand depthwise Squeeze project": "SqueezeBottleneck",
    "expand depthwise project": "Bottleneck",
    "depthwise Squeeze project": "SqueezeSeparableConv",
    "depthwise pointwise": "SeparableConv",
    "depthwise project": "SeparableConv",
    "depthwise": "DepthwiseConv",
    "conv": "Conv",
    "project": "Projection",
}
POOLS = {MaxPool: "MaxPool", AvgPool: "AvgPool"}
RESERVED = {"Tensor", "Path", "F"}
MOST_WORDS = 3


def class_names(groups: Sequence[Sequence[Block]], root_name: str) -> list[str]:
    """A name for each group of like blocks; the last group is the network itself."""
    bases = [base_of(blocks) for blocks in groups[:-1]]
    crowded = {base for base, count in Counter(bases).items() if count > 1}
    taken = {root_name, *RESERVED}
    names = []
    for blocks, base in zip(groups, bases, strict=False):
        # A stage that stands once keeps its own number: Stage2 is what a reader looks for.
        is_single = len(blocks) == 1 and "." not in blocks[0].path
        plain = camel(blocks[0].attribute) if is_single else base
        needs_content = base == "" or (base in crowded and not is_single)
        names.append(unique(content_name(blocks[0], base) if needs_content else plain, taken))
    return [*names, root_name]


def base_of(blocks: Sequence[Block]) -> str:
    """Returns what the scopes of like blocks are called, without numbers; empty where they are called differently."""
    bases = {camel(re.sub(r"_?\d+(_\d+)*$", "", block.attribute)) for block in blocks}
    return bases.pop() if len(bases) == 1 else ""


def content_name(block: Block, base: str) -> str:
    """`SeparableConvLayer`, `ResidualConvLayer`: what a layer computes, then what it is."""
    words: list[str] = []
    for child in block.children:
        word = base_of([child]) if isinstance(child, Block) else leaf_word(child)
        if word and (not words or words[-1] != word):
            words.append(word)
    kinds = {type(leaf.node.primitive) for leaf in block.leaves}
    text = " ".join(word for word in words if word != "Skip" or Add not in kinds)
    for plain, better in WORDS.items():
        text = re.sub(rf"\b{plain}\b", better, text)
    prefix = "Residual" if Add in kinds else "Concat" if Concat in kinds else ""
    prefix = "Gated" if Multiply in kinds and "Squeeze" not in text and not prefix else prefix
    content = camel("_".join(text.split()[:MOST_WORDS]))
    suffix = "" if content.endswith(("Bottleneck", base or "-")) else base or "Block"
    return f"{prefix}{content}{suffix}"


def leaf_word(leaf: Leaf) -> str:
    kind = type(leaf.node.primitive)
    if kind in POOLS:
        return POOLS[kind]
    return leaf.attribute if kind in (Conv2d, Linear) else ""


def camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\s]+", text) if part)


def unique(name: str, taken: set[str]) -> str:
    numbered = (name, *(f"{name}{number}" for number in range(2, 1000)))
    chosen = next(each for each in numbered if each not in taken)
    taken.add(chosen)
    return chosen

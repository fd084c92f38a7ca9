"""Names of printed classes: after the scope (`layer3` is a Layer), and after what is in it where layers differ."""

import re
from collections import Counter

from architectures.ir.primitives import Add, AvgPool, Concat, Conv2d, Linear, MaxPool, Multiply
from codegen.frameworks.blocks import Block, Leaf

WORDS = {"conv": "Conv", "depthwise pointwise": "SeparableConv", "depthwise": "DepthwiseConv", "project": "Projection"}
POOLS = {MaxPool: "MaxPool", AvgPool: "AvgPool"}
RESERVED = {"Tensor", "nn", "torch", "F"}


def class_names(groups: list[list[Block]], root_name: str) -> list[str]:
    """A name for each group of like blocks; the last group is the network itself."""
    bases = [base_name(blocks[0]) for blocks in groups[:-1]]
    crowded = {base for base, count in Counter(bases).items() if count > 1}
    plain = [
        content_name(blocks[0], base) if base in crowded else base for blocks, base in zip(groups, bases, strict=False)
    ]
    taken = {root_name, *RESERVED}
    names = []
    for (blocks, base), name in zip(zip(groups, bases, strict=False), plain, strict=True):
        # A stage that stands once keeps its own number: Stage2 is what a reader looks for.
        single = len(blocks) == 1 and "." not in blocks[0].path and base in crowded
        names.append(unique(camel(blocks[0].attribute) if single else name, taken))
    return [*names, root_name]


def base_name(block: Block) -> str:
    return camel(re.sub(r"_?\d+$", "", block.attribute)) or camel(block.attribute)


def content_name(block: Block, base: str) -> str:
    """`SeparableConvLayer`, `ResidualConvLayer`: what a layer computes, then what it is."""
    words: list[str] = []
    for child in block.children:
        word = block_word(child) if isinstance(child, Block) else leaf_word(child)
        if word and (not words or words[-1] != word):
            words.append(word)
    kinds = {type(leaf.node.primitive) for leaf in block.leaves}
    text = " ".join(word for word in words if word != "Skip" or Add not in kinds)
    for plain, better in WORDS.items():
        text = re.sub(rf"\b{plain}\b", better, text)
    mixed = "Residual" if Add in kinds else "Concat" if Concat in kinds else "Gated" if Multiply in kinds else ""
    content = camel("_".join(text.split()[:4]))
    return f"{mixed}{content}{base}" if content.lower() != base.lower() else f"{mixed}{base}"


def block_word(block: Block) -> str:
    return base_name(block)


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

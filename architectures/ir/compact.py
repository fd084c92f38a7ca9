"""The compact form: blocks that repeat are stored once, shapes are inferred again. An exact, verified round trip.

A block is a run of nodes in one scope. Its template holds names, kinds, attributes and where inputs come from, with
numbers of channels left open; a use of it is [scope, template, channels, inputs]. The JSON of that is deflated with a
dictionary of what such texts usually say, and written in base 85.
"""

from __future__ import annotations

import json
import zlib
from base64 import b85decode, b85encode
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import groupby
from typing import Any

from architectures.ir.graph import Graph, Node
from architectures.ir.json import DocumentError, primitive_of
from architectures.ir.primitives import KINDS, Primitive, Shape, ShapeError, facts
from architectures.ir.verify import MOST_NODES, GraphError, verify

VERSION = "1"
LARGEST_TEXT = 2_000_000
_OPEN = ("out_channels", "groups")  # attributes that differ between uses of one block
# Part of version 1: a change here needs a new version.
_DICTIONARY = (
    '{"blocks":[["stage4.layer5.skip3",1,[512,512],[1,2,3]],["stage3.layer6.skip2",2,[256,256],[1]],["stage2.cell5.'
    'edge2_3",3,[128],[4]],["stage1.cell4.edge0_1","node2","node3",5,[64],[6]],["stage5.block7.scale",[32,16]],'
    '["layer4","block3","cell2","skip1",[1,4]],["head",0,[],[1]]],"input":[3,224,224],"input":[3,32,32],"input":[1,28,28],'
    '"input":[1,8,8],"templates":[[["pool","GlobalAvgPool",[],[-1]],["flatten","Flatten",[],[0]],["linear","Linear",'
    '[10,true],[1]]],[["expand","Conv2d",[null,1,1,0,1,null,false],[-1]],["expand_norm","BatchNorm",[1e-05,0.1],[0]],'
    '["expand_activation","Relu6",[],[1]],["depthwise","Conv2d",[null,5,2,2,1,null,false],[2]],["squeeze","HardSigmoid"'
    ',"Multiply","HardSwish"],["pool","MaxPool",[3,1,1],[-1]],["pool","AvgPool",[3,1,1],[-1]],["pool","MaxPool",'
    '[3,2,1],[-1]],["zero","Zero",[1],[-1]],["identity","Identity",[],[-1]],["depthwise","Conv2d",[null,3,1,1,1,null,'
    'false],[-1]],["depthwise_norm","BatchNorm",[1e-05,0.1],[0]],["depthwise_activation","Relu",[],[1]],["pointwise",'
    '"Conv2d",[null,1,1,0,1,null,false],[2]],["pointwise_norm","BatchNorm",[1e-05,0.1],[3]],["pointwise_activation",'
    '"Relu",[],[4]]],[["project","Conv2d",[null,1,2,0,1,null,false],[-1]],["project_norm","BatchNorm",[1e-05,0.1],[0]]],'
    '[["conv","Conv2d",[null,5,1,2,1,null,false],[-1]],[["activation","Relu",[],[-1]],["conv","Conv2d",[null,3,1,2,2,'
    'null,false],[0]],["add","Add",[],[-1,-2,-3]],["conv","Conv2d",[null,3,1,1,1,null,false],[-1]],["norm","BatchNorm"'
    ',[1e-05,0.1],[0]],["activation","Relu",[],[1]],["add","Add",[],[2,-2]]]]}'
)
_ZDICT = _DICTIONARY.encode()
DAMAGE = (ValueError, TypeError, LookupError, AttributeError, StopIteration, zlib.error, RecursionError, OverflowError)


def dumps(graph: Graph) -> str:
    """A short text for the graph, about a twentieth of its plain JSON."""
    position = {node.name: index for index, node in enumerate(graph.nodes)}
    templates: dict[str, int] = {}
    uses = []
    for scope, run in groupby(graph.nodes[1:], key=lambda node: node.scope):
        template, channels, inputs = _abstract(list(run), position)
        number = templates.setdefault(_json(template), len(templates))
        uses.append([scope, number, channels, inputs])
    document = {
        "blocks": uses,
        "input": graph.input_shape,
        "templates": [json.loads(text) for text in templates],
    }
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_ZDICT)
    return VERSION + b85encode(packer.compress(_json(document).encode()) + packer.flush()).decode()


def loads(text: str) -> Graph:
    """Reads a verified graph from a text of `dumps`.

    Raises DocumentError where the text has another version or is damaged.
    """
    if text[:1] != VERSION:
        raise DocumentError("", f"this portal reads version {VERSION} of the compact form", f"it begins {text[:10]!r}")
    try:
        unpacker = zlib.decompressobj(-15, zdict=_ZDICT)
        document = json.loads(unpacker.decompress(b85decode(text[1:]), LARGEST_TEXT))
        nodes = _nodes(document)
    except GraphError:
        raise
    except DAMAGE as error:
        raise DocumentError("", "the text must be a graph's compact form", f"is damaged ({error})") from None
    graph = Graph(nodes)
    verify(graph)
    return graph


def _abstract(run: list[Node], position: dict[str, int]) -> tuple[list[Any], list[int], list[int]]:
    """Template, channels and distances to the outside inputs of a run of nodes in one scope."""
    start = position[run[0].name]
    outside: list[str] = []
    channels: list[int] = []
    template = []
    for node in run:
        values = []
        for name in _names(node.primitive.kind):
            value = getattr(node.primitive, name)
            if name in _OPEN:
                channels.append(value)
                value = None
            values.append(value)
        places = []
        for name in node.inputs:
            if position[name] < start and name not in outside:
                outside.append(name)
            places.append(position[name] - start if position[name] >= start else -1 - outside.index(name))
        template.append([node.name.rpartition(".")[2], node.primitive.kind, values, places])
    return template, _folded(channels), [start - position[name] for name in outside]


def _folded(channels: list[int]) -> list[int]:
    """One number if all are equal."""
    return channels[:1] if len(set(channels)) == 1 else channels


def _nodes(document: Any) -> tuple[Node, ...]:
    first = primitive_of("input", "Input", {"shape": document["input"]})
    try:
        shape = facts(first, ()).shape
    except ShapeError as error:
        raise DocumentError("input", error.rule, error.values) from None
    nodes = [Node("input", first, (), shape)]
    shapes: dict[str, Shape] = {"input": shape}
    for scope, number, channels, distances in document["blocks"]:
        template, start = document["templates"][number], len(nodes)
        if start + len(template) > MOST_NODES:
            raise DocumentError("", f"must have between 2 and {MOST_NODES:,} nodes", "has more")
        wanted = sum(name in _OPEN for _, kind, _, _ in template for name in _names(kind))
        supply = iter(channels * wanted if len(channels) == 1 else channels)
        for leaf, kind, values, places in template:
            name = f"{scope}.{leaf}" if scope else str(leaf)
            inputs = tuple(nodes[start + at if at >= 0 else start - distances[-1 - at]].name for at in places)
            primitive = _filled(name, kind, values, supply)
            try:
                shape = facts(primitive, tuple(shapes[each] for each in inputs)).shape
            except ShapeError as error:
                raise DocumentError(name, error.rule, error.values) from None
            shapes[name] = shape
            nodes.append(Node(name, primitive, inputs, shape))
    return tuple(nodes)


def _filled(name: str, kind: str, values: list[Any], channels: Iterator[int]) -> Primitive:
    names = _names(kind)
    found = dict(zip(names, values, strict=True))
    return primitive_of(name, kind, {key: next(channels) if key in _OPEN else found[key] for key in names})


@cache
def _names(kind: str) -> tuple[str, ...]:
    return tuple(field.name for field in fields(KINDS[kind]))  # type: ignore[arg-type]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)

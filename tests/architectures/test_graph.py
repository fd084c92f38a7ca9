"""The graph: verified, pruned, fingerprinted, counted."""

import pickle
import re
from dataclasses import replace

import pytest

from architectures.ir.builder import Builder
from architectures.ir.complexity import complexity
from architectures.ir.fingerprint import fingerprint
from architectures.ir.graph import Graph, Node
from architectures.ir.primitives import Add, Conv2d, Input, Linear, MaxPool, Relu
from architectures.ir.prune import prune
from architectures.ir.verify import GraphError, verify
from architectures.spaces import create
from tests.architectures.networks import head, plain, two_branches


def test_a_graph_knows_its_input_output_and_consumers():
    graph = two_branches()
    assert (graph.input_shape, graph.output_shape, graph.classes) == ((3, 8, 8), (3,), 3)
    assert [node.name for node in graph.consumers("input")] == ["left.conv", "right.conv"]
    assert graph.consumers("head.linear") == ()
    assert graph.node("left.conv").scope == "left"
    with pytest.raises(KeyError, match="the graph has no node 'nowhere'"):
        graph.node("nowhere")


def test_a_builder_names_by_scope_and_refuses_a_second_node_of_a_name():
    builder = Builder((3, 8, 8))
    with builder.scope("stage1"), builder.scope("layer1"):
        assert builder.add("conv", Conv2d(8), "input") == "stage1.layer1.conv"
        with pytest.raises(GraphError, match=re.escape("node 'stage1.layer1.conv': names must be unique")):
            builder.add("conv", Conv2d(8), "input")
    with pytest.raises(GraphError, match="node 'relu': inputs must be nodes that stand before it, but 'x' does not"):
        builder.add("relu", Relu(), "x")


def changed(graph: Graph, old: str, **changes: object) -> Graph:
    """The graph with a node changed; who reads it reads it by its new name."""
    new = changes.get("name", old)
    nodes = [replace(node, inputs=tuple(new if name == old else name for name in node.inputs)) for node in graph.nodes]
    return Graph(tuple(replace(node, **changes) if node.name == old else node for node in nodes))


BROKEN = [
    (
        lambda graph: changed(graph, "layer1.norm", inputs=("layer2.conv",)),
        "node 'layer1.norm': inputs must be nodes that stand before it (no cycles), but 'layer2.conv' does not",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", shape=(9, 8, 8)),
        "node 'layer1.norm': BatchNorm of (8, 8, 8) gives (8, 8, 8), but says (9, 8, 8)",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", name="layer1.conv"),
        "node 'layer1.conv': names must be unique, but there are two of this name",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", name="layer1.Norm"),
        "node 'layer1.Norm': names are dotted words of a-z, 0-9 and _, but one part is 'Norm'",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", name="layer1.forward"),
        "node 'layer1.forward': names must be free for an attribute of a module, but 'forward' is taken",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", name="layer1.class"),
        "node 'layer1.class': names must be free for an attribute of a module, but 'class' is taken",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", name="layer1.conv.norm"),
        "node 'layer1.conv': a name is a node or a scope, not both, but other nodes lie inside it",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", primitive=Linear(4)),
        "node 'layer1.norm': the input must be (features,), but is (8, 8, 8)",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", primitive=Add()),
        "node 'layer1.norm': Add needs at least two inputs, but has 1",
    ),
    (
        lambda graph: changed(graph, "layer1.norm", primitive=Input((3,)), inputs=()),
        "node 'layer1.norm': only the first node may be an Input, but this is another one",
    ),
    (
        lambda graph: changed(graph, "layer1.conv", primitive=Conv2d(8, kernel=4)),
        "node 'layer1.conv': a padded kernel must be odd, but is 4 with padding 1",
    ),
    (
        lambda graph: changed(graph, "layer1.conv", primitive=Conv2d(8, kernel=11, padding=0)),
        "node 'layer1.conv': the window must fit into the padded input, but 11 > 8 + 2 × 0",
    ),
    (
        lambda graph: changed(graph, "layer1.conv", primitive=Conv2d(8, groups=2)),
        "node 'layer1.conv': groups must divide the input and output channels, but groups is 2 with 3 and 8 channels",
    ),
    (
        lambda graph: changed(graph, "layer1.conv", primitive=Conv2d(0)),
        "node 'layer1.conv': out_channels must be between 1 and 65536, but is 0",
    ),
    (
        lambda graph: changed(graph, "layer1.conv", primitive=MaxPool(padding=2)),
        "node 'layer1.conv': padding must be at most half the kernel, but is 2 with kernel 3",
    ),
    (
        lambda graph: Graph(graph.nodes[:-2]),
        "node 'head.pool': the output must be (classes,), but is (8, 1, 1)",
    ),
    (
        lambda graph: Graph(graph.nodes[1:]),
        "node 'layer1.conv': the first node must be the Input named 'input', but is Conv2d",
    ),
    (
        lambda graph: Graph((graph.nodes[0], *[Node(f"n{i}", Relu(), ("input",), (3, 8, 8)) for i in range(10_000)])),
        "the graph: must have between 2 and 5,000 nodes, but has 10,001",
    ),
]


@pytest.mark.parametrize(("break_", "message"), BROKEN)
def test_it_says_which_node_breaks_which_rule_with_which_values(break_, message):
    graph = break_(plain())
    with pytest.raises(GraphError) as refused:
        verify(graph)
    assert str(refused.value) == message


def test_an_error_travels_between_processes():
    error = GraphError("stem", "a rule", "is broken")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_pruning_drops_identities_zeros_and_what_nobody_reads():
    literal = two_branches(literal=True)
    assert {"dead", "same", "nothing"} <= {node.name for node in literal.nodes}
    pruned = prune(literal)
    verify(pruned)
    assert pruned == two_branches()
    assert prune(pruned) is pruned


def test_a_network_of_nothing_but_zeros_still_verifies():
    space = create("cell201", (3, 16, 16), 10)
    verify(space.decode((0,) * 6))
    verify(space.decode((0,) * 6, prune=False))


def test_the_fingerprint_knows_neither_names_nor_order_nor_dead_branches():
    mark = fingerprint(two_branches())
    assert re.fullmatch("[0-9a-f]{32}", mark)
    assert fingerprint(two_branches("one", "two")) == mark
    assert fingerprint(two_branches(swap=True)) == mark
    assert fingerprint(two_branches(literal=True)) == mark
    assert fingerprint(plain()) != mark
    assert fingerprint(plain(2)) != fingerprint(plain(3))


def reused(twice: bool) -> Graph:
    """conv(x) + conv(x): one convolution that is read twice, or two."""
    builder = Builder((3, 8, 8))
    x = builder.add("first", Conv2d(3), "input")
    y = builder.add("second", Conv2d(3), "input") if twice else x
    return head(builder, builder.add("add", Add(), x, y))


def test_two_convolutions_are_not_one_that_is_read_twice():
    assert fingerprint(reused(twice=True)) != fingerprint(reused(twice=False))


def pooled(twice: bool) -> Graph:
    builder = Builder((3, 8, 8))
    x = builder.add("first", MaxPool(), "input")
    y = builder.add("second", MaxPool(), "input") if twice else x
    return head(builder, builder.add("add", Add(), x, y))


def test_two_equal_pools_are_one_as_they_have_no_parameters():
    assert fingerprint(pooled(twice=True)) == fingerprint(pooled(twice=False))


def test_sums_of_sums_are_one_sum():
    def network(nested: bool) -> Graph:
        builder = Builder((3, 8, 8))
        a, b, c = (builder.add(name, Conv2d(3), "input") for name in ("a", "b", "c"))
        x = builder.add("inner", Add(), a, b) if nested else ""
        return head(builder, builder.add("outer", Add(), *([x, c] if nested else [a, b, c])))

    assert fingerprint(network(nested=True)) == fingerprint(network(nested=False))


def test_it_counts_what_a_pencil_counts():
    counts = complexity(plain(1))
    conv, linear = 8 * 3 * 9, 3 * 8 + 3
    assert counts.params == conv + 16 + linear
    assert counts.macs == conv * 64 + 24
    assert counts.flops == 2 * counts.macs
    assert counts.weight_bytes == 4 * (conv + 32 + linear)
    assert counts.activation_peak_bytes == 4 * 2 * 8 * 64  # a value and its successor
    assert counts.by_name["layer1.conv"].bytes_moved == 4 * (3 * 64 + 8 * 64 + conv)
    assert counts.by_name["head.flatten"].bytes_moved == 0
    assert sum(node.params for node in counts.nodes) == counts.params
    assert sum(node.flops for node in counts.nodes) == counts.flops


def test_a_value_that_is_read_later_takes_memory_until_then():
    builder = Builder((8, 8, 8))
    x = builder.add("one", Conv2d(8), "input")
    y = builder.add("three", Conv2d(8), builder.add("two", Conv2d(8), x))
    graph = head(builder, builder.add("add", Add(), x, y))
    assert complexity(graph).activation_peak_bytes == 4 * 3 * 8 * 64

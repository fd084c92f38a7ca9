"""The drawing: every node is in it, nothing of the page is assumed, differences are marked."""

import xml.etree.ElementTree as ElementTree
from random import Random

import pytest

from architectures import spaces
from architectures.drawing import svg
from architectures.drawing.blocks import blocks_of, folded, labelled, links_of
from architectures.drawing.layout import HEIGHT, WIDTH, layout
from architectures.drawing.words import number
from architectures.ir.graph import Graph
from architectures.spaces.chain import Chain, Layer, Stage
from tests.architectures.networks import plain, two_branches

NAMESPACE = "{http://www.w3.org/2000/svg}"
SPACES = [
    spaces.create("chain", (1, 8, 8), 10),
    spaces.create("chain", (3, 32, 32), 10, min_layers=20, max_layers=20),
    spaces.create("cell201", (3, 32, 32), 10),
    spaces.create("mobile", (3, 224, 224), 1000),
]
GRAPHS = [space.decode(space.sample(Random(seed))) for space in SPACES for seed in range(8)]
CHAIN = SPACES[0]
assert isinstance(CHAIN, Chain)


def drawn(text: str) -> set[str]:
    return {
        element.get("data-node") or ""
        for element in ElementTree.fromstring(text).iter()
        if "data-node" in element.attrib
    }


def classes(text: str) -> list[str]:
    return [each for element in ElementTree.fromstring(text).iter() for each in element.get("class", "").split()]


@pytest.mark.parametrize("graph", [plain(1), two_branches(), *GRAPHS[:16]])
def test_every_node_of_an_unfolded_drawing_can_be_pointed_at(graph: Graph):
    text = svg(graph)
    assert {node.name for node in graph.nodes} <= drawn(text)


@pytest.mark.parametrize("graph", GRAPHS)
def test_blocks_do_not_lie_on_each_other_and_stay_inside_the_picture(graph: Graph):
    blocks = labelled(folded(blocks_of(graph)))
    place = layout(blocks, links_of(blocks))
    corners = place.corners
    for index, (x, y) in enumerate(corners):
        assert place.left <= x
        assert x + WIDTH <= place.right
        assert y + HEIGHT <= place.bottom
        for other_x, other_y in corners[:index]:
            assert abs(x - other_x) >= WIDTH or abs(y - other_y) >= HEIGHT
    heights = [corners[link.target][1] - corners[link.source][1] for link in links_of(blocks)]
    assert min(heights) > HEIGHT  # all links go down


def test_it_is_self_contained_well_formed_and_describes_itself():
    text = svg(GRAPHS[0], title='<b>"Digits" & more</b>')
    root = ElementTree.fromstring(text)
    assert root.tag == f"{NAMESPACE}svg"
    assert root.get("aria-label", "").startswith('<b>"Digits" & more</b>: ')
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in text
    assert len(list(root.iter(f"{NAMESPACE}title"))) > len(GRAPHS[0].nodes)


def test_the_same_graph_gives_the_same_bytes():
    assert svg(GRAPHS[3]) == svg(GRAPHS[3])


def test_equal_cells_are_drawn_once():
    graph = spaces.create("cell201", (3, 32, 32), 10, cells=5).decode((3, 1, 3, 2, 4, 3))
    text = svg(graph)
    assert text.count("4 more like it") == 2 * 3  # label and tooltip of each stage
    assert classes(text).count("arch-fold") == 3


def test_a_network_of_many_nodes_is_drawn_in_bounded_size():
    for graph in GRAPHS:
        assert len(svg(graph)) < 120_000


def network(*layers: tuple[str, str], width: int = 16, last: int = 0) -> Graph:
    names = CHAIN.operations
    found = tuple(Layer(names.index(name), CHAIN._skip_names.index(skip)) for name, skip in layers)
    return CHAIN.decode(CHAIN.write([Stage((CHAIN.widths or ()).index(width), found), Stage(last, (Layer(0, 0),))]))


BASE = network(("conv3x3", "none"), ("max_pool", "none"))


def test_a_drawing_compared_with_its_own_graph_has_no_marks():
    assert not {"arch-changed", "arch-added", "arch-gone"} & set(classes(svg(BASE, compare_to=BASE)))


def test_a_changed_layer_is_marked():
    text = svg(network(("conv5x5", "none"), ("max_pool", "none")), compare_to=BASE)
    assert classes(text).count("arch-changed") == 1
    assert 'arch-changed" data-node="stage1.layer1"' in text


def test_an_inserted_layer_is_new_and_the_later_ones_are_not():
    text = svg(network(("conv3x3", "none"), ("sep_conv3x3", "none"), ("max_pool", "none")), compare_to=BASE)
    assert classes(text).count("arch-added") == 1
    assert 'arch-added" data-node="stage1.layer2"' in text
    assert "arch-changed" not in classes(text)


def test_a_deleted_layer_is_told_where_it_was():
    text = svg(network(("conv3x3", "none")), compare_to=BASE)
    assert "removed here: stage1.layer2 (max pool 3×3)" in text
    assert classes(text).count("arch-gone") == 1


def test_of_a_wider_and_deeper_network_the_new_layer_alone_is_new():
    layers = (("conv3x3", "none"), ("sep_conv3x3", "none"), ("max_pool", "none"))
    text = svg(network(*layers, width=32, last=1), compare_to=BASE)
    assert classes(text).count("arch-added") == 1
    assert 'arch-added" data-node="stage1.layer2"' in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (999, "999"), (1000, "1.00 K"), (247_000, "247 K"), (18_310_000, "18.3 M"), (999_600, "1.00 M")],
)
def test_numbers_have_three_digits(value: int, text: str):
    assert number(value) == text

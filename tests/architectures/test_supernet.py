"""Supernets: every path is the network of its genotype, and what is mixed is the sum of its parts."""

from random import Random

import pytest
import torch
from torch import Tensor, nn

from architectures.ir.primitives import BatchNorm, Conv2d, Linear
from architectures.nets.module import build
from architectures.nets.supernet import Path, Supernet
from architectures.nets.supernet_graph import Supergraph, supergraph
from architectures.spaces import Space, SpaceError, create

CELL = create("cell201", (3, 8, 8), 4, channels=4)
CHAIN = create("chain", (1, 8, 8), 4, widths=[16, 32], max_layers=6)
DEEP = create("chain", (1, 16, 16), 4, stages=3, min_layers=1, max_layers=7, widths=[16], max_skips=1, skip_reach=2)
SPACES = pytest.mark.parametrize("space", [CELL, CHAIN, DEEP], ids=["cell201", "chain", "three stages"])


def images(space: Space, count: int = 6) -> Tensor:
    return torch.randn(count, *space.input_shape, generator=torch.Generator().manual_seed(1))


def draw(description: Supergraph, random: Random) -> tuple[int, ...]:
    return tuple(random.randrange(len(each.choices)) for each in description.decisions)


def one_hot(description: Supergraph, chosen: tuple[int, ...]) -> list[Tensor]:
    rows = zip(description.decisions, chosen, strict=True)
    return [torch.nn.functional.one_hot(torch.tensor(choice), len(each.choices)).float() for each, choice in rows]


def derived(supernet: Supernet, chosen: tuple[int, ...]) -> nn.Module:
    """The network of the path's genotype with the path's weights: its layers in their order, at their width."""
    space = supernet.description.space
    # The canonical code of a cell may be another one that computes the same.
    graph = space.decode(chosen, prune=False) if space is CELL else space.decode(supernet.description.genotype(chosen))
    network = build(graph).train()
    order, _ = supernet._plan(chosen, None, False)
    learnt = (Conv2d, BatchNorm, Linear)
    nodes = supernet.description.graph.nodes
    sources = [nodes[place].name for place, _ in order if isinstance(nodes[place].primitive, learnt)]
    targets = [node.name for node in graph.nodes if isinstance(node.primitive, learnt)]
    assert len(sources) == len(targets)
    with torch.no_grad():
        for source, target in zip(sources, targets, strict=True):
            for name, parameter in network.get_submodule(target).named_parameters():
                whole = supernet.get_submodule(source).get_parameter(name)
                parameter.copy_(whole[tuple(slice(size) for size in parameter.shape)])
    return network


def is_plain(description: Supergraph, chosen: tuple[int, ...]) -> bool:
    """Whether no layer of a chain does nothing (it is dropped), and no stage keeps its width (see the supergraph)."""
    if description.space is CELL:
        return True
    widths = [choice for each, choice in zip(description.decisions, chosen, strict=True) if "width" in each.name]
    is_kept = len(description.space.widths) > 1 and widths[0] == widths[1]
    return not is_kept and "skip_connect" not in description.operations(chosen)


@SPACES
def test_a_path_computes_what_the_network_of_its_genotype_computes(space: Space):
    description = supergraph(space)
    supernet = Supernet(description, seed=3)
    random = Random(4)
    chosen = [each for each in (draw(description, random) for _ in range(300)) if is_plain(description, each)][:12]
    assert len(chosen) == 12
    for each in chosen:
        network = derived(supernet, each)
        with torch.no_grad():
            assert torch.allclose(supernet(images(space), Path(each)), network(images(space)), atol=1e-4)


def test_layers_that_do_nothing_shift_no_skip():
    description = supergraph(CHAIN)
    supernet = Supernet(description, seed=3)
    names = {each.name: place for place, each in enumerate(description.decisions)}
    chosen = [0] * len(names)
    chosen[names["stage1.depth"]] = chosen[names["stage2.depth"]] = 2
    chosen[names["stage1.layer2.operation"]] = CHAIN.operations.index("skip_connect")
    chosen[names["stage1.layer3.skip"]] = CHAIN.decisions[names["stage1.layer3.skip"]].choices.index("3")
    genotype = description.genotype(chosen)
    assert CHAIN.describe(genotype) == "16: conv3x3, conv3x3 +2 | 16: conv3x3, conv3x3, conv3x3"
    network = derived(supernet, tuple(chosen))
    with torch.no_grad():
        assert torch.allclose(supernet(images(CHAIN), Path(tuple(chosen))), network(images(CHAIN)), atol=1e-4)


@SPACES
def test_probabilities_of_zero_and_one_are_a_path(space: Space):
    description = supergraph(space)
    supernet = Supernet(description, seed=3)
    random = Random(5)
    for _ in range(4):
        chosen = draw(description, random)
        with torch.no_grad():
            by_path, by_mixture = (
                supernet(images(space), Path(chosen)),
                supernet(images(space), one_hot(description, chosen)),
            )
        assert torch.allclose(by_path, by_mixture, atol=1e-4)


@SPACES
def test_gates_change_no_value_and_give_both_rivals_a_gradient(space: Space):
    description = supergraph(space)
    supernet = Supernet(description, seed=3)
    random = Random(6)
    chosen, rivals = draw(description, random), draw(description, random)
    logits = torch.zeros(len(chosen), 2, requires_grad=True)
    soft = logits.softmax(1)
    gates = torch.tensor([1.0, 0.0]) + soft - soft.detach()
    output = supernet(images(space), Path(chosen, rivals, gates))
    with torch.no_grad():
        assert torch.allclose(output, supernet(images(space), Path(chosen)), atol=1e-4)
    output.square().sum().backward()
    assert logits.grad is not None
    differ = [place for place in range(len(chosen)) if chosen[place] != rivals[place]]
    assert sum(bool(logits.grad[place].abs().sum() > 0) for place in differ) >= len(differ) // 3
    assert all(bool((logits.grad[place] == 0).all()) for place in range(len(chosen)) if place not in differ)


def test_a_share_of_the_channels_is_computed_on_and_the_rest_passes():
    whole, partial = supergraph(CELL), supergraph(CELL, parts=4)
    assert [each.name for each in whole.decisions] == [each.name for each in partial.decisions]
    supernet = Supernet(partial, seed=3)
    skips = tuple(each.labels.index("skip_connect") for each in partial.decisions)
    by_share, by_all = supernet(images(CELL), Path(skips)), Supernet(whole, seed=3)(images(CELL), Path(skips))
    assert by_share.shape == by_all.shape
    by_share.sum().backward()
    assert sum(node.primitive.kind == "Share" for node in partial.graph.nodes) == 18


@SPACES
def test_an_auxiliary_skip_is_added_where_it_fits_and_is_no_choice(space: Space):
    description = supergraph(space)
    supernet = Supernet(description, seed=3)
    chosen = draw(description, Random(8))
    with torch.no_grad():
        without = supernet(images(space), Path(chosen))
        supernet.auxiliary = 0.5
        by_path, by_mixture = (supernet(images(space), each) for each in (Path(chosen), one_hot(description, chosen)))
    assert torch.allclose(by_path, by_mixture, atol=1e-4)
    assert not torch.allclose(by_path, without, atol=1e-4)


def test_nothing_and_an_auxiliary_skip_is_a_skip():
    description = supergraph(CELL)
    supernet = Supernet(description, seed=3)
    with torch.no_grad():
        skips = supernet(images(CELL), Path((1,) * 6))
        supernet.auxiliary = 1.0
        assert torch.allclose(supernet(images(CELL), Path((0,) * 6)), skips, atol=1e-5)


def test_the_share_of_skips_counts_the_layers_that_there_are():
    description = supergraph(CHAIN)
    names = {each.name: place for place, each in enumerate(description.decisions)}
    chosen = [0] * len(names)
    chosen[names["stage1.layer1.operation"]] = chosen[names["stage1.layer3.operation"]] = 7
    assert description.operations(chosen) == ["skip_connect", "conv3x3"]
    assert description.skip_share(chosen) == 0.5
    assert description.labels[0] == "conv3x3"


def test_every_choice_is_one_of_the_space():
    for space in (CELL, CHAIN, DEEP):
        description = supergraph(space)
        for seed in range(50):
            genotype = description.genotype(draw(description, Random(seed)))
            assert genotype == space.canonical(genotype)


def test_a_space_without_a_supernet_says_so():
    with pytest.raises(SpaceError, match="space must be cell201 or chain for a supernet, but is mobile"):
        supergraph(create("mobile", (3, 32, 32), 10))

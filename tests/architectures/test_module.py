"""The torch module of a graph."""

import copy
from random import Random

import pytest
import torch

from architectures import spaces
from architectures.ir.primitives import KINDS
from architectures.nets.module import _module, build
from tests.architectures.networks import plain, two_branches

SPACES = [spaces.create(name, (3, 32, 32), 10) for name in spaces.names()]


@pytest.fixture(params=SPACES, ids=spaces.names())
def space(request: pytest.FixtureRequest) -> spaces.Space:
    return request.param


def images(count: int, shape: tuple[int, ...] = (3, 32, 32)) -> torch.Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0))


def test_there_is_a_rule_for_every_primitive():
    default = _module.dispatch(object)
    assert [kind for kind, cls in KINDS.items() if _module.dispatch(cls) is default] == ["Input"]


def test_the_state_dict_is_named_by_the_nodes():
    keys = set(build(two_branches()).state_dict())
    weights = {"left.conv.weight", "right.conv.weight", "head.linear.weight", "head.linear.bias"}
    norms = {f"{side}.norm.{each}" for side in ("left", "right") for each in ("weight", "bias", "running_mean")}
    assert weights | norms <= keys


def test_equal_seeds_give_equal_weights_and_leave_the_global_generator_alone(space: spaces.Space):
    graph = space.decode(space.sample(Random(1)))
    before = torch.get_rng_state()
    first, second, third = build(graph, seed=1), build(graph, seed=1), build(graph, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert any(not torch.equal(value, third.state_dict()[name]) for name, value in first.state_dict().items())
    assert all(torch.isfinite(value).all() for value in first.state_dict().values())


def test_it_runs_forward_and_backward(space: spaces.Space):
    for number in range(3):
        module = build(space.decode(space.sample(Random(number))), seed=number)
        logits = module(images(2))
        assert logits.shape == (2, 10)
        logits.square().sum().backward()
        assert all(parameter.grad is not None for parameter in module.parameters())


def test_a_batch_computes_what_its_images_compute(space: spaces.Space):
    module = build(space.decode(space.sample(Random(3))), seed=1).eval()
    with torch.no_grad():
        together, apart = module(images(3)), torch.cat([module(image[None]) for image in images(3)])
    assert torch.allclose(together, apart, atol=1e-5)


def test_the_pruned_network_computes_what_the_literal_one_computes():
    """Of a chain, whose identities have no weights: the same seed gives the same weights to both."""
    space = spaces.create("chain", (3, 32, 32), 10)
    for number in range(5):
        genotype = space.sample(Random(number))
        pruned, literal = build(space.decode(genotype), seed=1), build(space.decode(genotype, prune=False), seed=2)
        literal.load_state_dict(pruned.state_dict())
        with torch.no_grad():
            assert torch.equal(pruned.eval()(images(2)), literal.eval()(images(2)))


def test_it_is_exported_with_a_dynamic_batch(space: spaces.Space):
    module = build(space.decode(space.sample(Random(2))), seed=1).eval()
    dynamic = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(module, (torch.zeros(2, 3, 32, 32),), dynamic_shapes=dynamic)
    with torch.no_grad():
        assert torch.equal(program.module()(images(5)), module(images(5)))


def test_a_copy_has_its_own_weights():
    module = build(plain(), seed=1)
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.get_parameter("head.linear.bias").add_(1)
    assert not torch.equal(module.eval()(images(1, (3, 8, 8))), other.eval()(images(1, (3, 8, 8))))

"""Zero-cost proxies: finite, repeatable, and the network is left as it was."""

import math

import pytest
import torch
from torch import nn

from architectures.nets.module import build
from searches.evaluation import datasets
from searches.evaluation.proxies import BATCH, PROXIES, naswot, synflow
from searches.evaluation.training.tensors import tensors
from tests.searches.evaluation.worlds import chain_network, small_network


@pytest.fixture(scope="module")
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.set_num_threads(1)
    training = tensors(datasets.open("digits"), "train")
    rows = torch.arange(BATCH)
    return training.batch(rows), training.targets[rows]


@pytest.mark.parametrize("name", PROXIES)
def test_it_repeats_itself_and_leaves_the_weights(name: str, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    module = build(chain_network(3), 1)
    weights = {key: value.clone() for key, value in module.named_parameters()}
    first, again = (PROXIES[name](module, *batch) for _ in range(2))
    assert math.isfinite(first)
    assert first == pytest.approx(again)
    assert all(torch.equal(weights[key], value) for key, value in module.named_parameters())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(parameter.dtype == torch.float32 for parameter in module.parameters())


def test_a_wider_network_tells_more_images_apart(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    narrow, wide = (naswot(build(small_network(channels=channels), 1), *batch) for channels in (4, 64))
    assert narrow < wide


def test_equal_images_cannot_be_told_apart(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, targets = batch
    assert naswot(build(small_network(), 1), images[:1].repeat(8, 1, 1, 1), targets[:8]) == -math.inf


def test_a_network_without_activations_scores_lowest(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert naswot(module, *batch) == -math.inf


def test_the_flow_of_one_layer_is_known(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, bias=False))
    with torch.no_grad():
        module[1].weight.fill_(-0.5)
    assert synflow(module, *batch) == pytest.approx(math.log(64 * 10 * 0.5))

"""The trainer: it learns, repeats itself bit for bit, and says why it stopped."""

import math

import pytest
import torch
from torch import nn

from architectures.ir.builder import Builder
from architectures.ir.primitives import (
    AvgPool,
    BatchNorm,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Relu,
    Zero,
)
from architectures.nets.module import build
from searches.evaluation import datasets
from searches.evaluation.training.recipe import Recipe, counted_cost
from searches.evaluation.training.tensors import Tensors, tensors
from searches.evaluation.training.trainer import (
    Diverged,
    OutOfTime,
    TrainingProgress,
    accuracy,
    make_optimizer,
    one_cycle,
    recalibrate,
    shuffled,
    train,
)
from tests.searches.evaluation.worlds import chain_network, small_network


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits() -> datasets.DataSet:
    return datasets.open("digits")


@pytest.fixture(scope="module")
def training(digits: datasets.DataSet) -> Tensors:
    return tensors(digits, "train")


@pytest.fixture(scope="module")
def validation(digits: datasets.DataSet) -> Tensors:
    return tensors(digits, "validation")


def test_two_epochs_reach_95_percent_on_digits(
    training: Tensors, validation: Tensors, digits: datasets.DataSet
) -> None:
    module = build(chain_network(6), 1)
    trained = train(module, training, validation, Recipe(epochs=2), 1)
    assert trained.accuracy > 0.95
    assert accuracy(module, tensors(digits, "test")) > 0.95
    assert [row.epoch for row in trained.curve] == [1, 2]
    assert trained.curve[1].train_loss < trained.curve[0].train_loss
    assert trained.curve[-1].validation_accuracy == trained.accuracy


def test_one_seed_gives_one_set_of_weights(training: Tensors, validation: Tensors) -> None:
    def weights(seed: int) -> dict[str, torch.Tensor]:
        module = build(chain_network(3), seed)
        train(module, training, validation, Recipe(epochs=1), seed)
        return module.state_dict()

    first, again, other = weights(5), weights(5), weights(6)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_what_was_drawn_before_does_not_matter(training: Tensors, validation: Tensors) -> None:
    def run(draws: int) -> float:
        torch.rand(draws)
        return train(build(small_network(), 1), training, validation, Recipe(epochs=1), 1).curve[0].train_loss

    assert run(0) == run(17)


@pytest.mark.parametrize("rate", [float("inf"), 1e6])
def test_exploding_training_stops_with_its_reason(rate: float, training: Tensors, validation: Tensors) -> None:
    module = build(small_network(), 1)
    with torch.no_grad():
        module.get_parameter("linear.weight").mul_(rate)
    with pytest.raises(Diverged, match=r"(diverged|exploded): the training loss is .* in epoch 1"):
        train(module, training, validation, Recipe(epochs=1), 1)


def test_the_clock_guard_stops_a_training(training: Tensors, validation: Tensors) -> None:
    with pytest.raises(OutOfTime, match=r"stopped by the clock after 0 s, in epoch 1 of 3"):
        train(build(small_network(), 1), training, validation, Recipe(epochs=3), 1, guard_seconds=0.0)


def test_whoever_watches_sees_each_step(training: Tensors, validation: Tensors) -> None:
    moments: list[TrainingProgress] = []
    train(build(small_network(), 1), training, validation, Recipe(epochs=2, batch_size=256), 1, watch=moments.append)
    assert [progress.epoch for progress in moments] == [1] * 4 + [2] * 4
    assert moments[0].accuracy is None
    assert moments[-1].accuracy is not None
    assert moments[-1].seconds_left == 0


def degenerate(kind: str) -> nn.Module:
    builder = Builder((1, 8, 8))
    x = "input"
    if kind == "pooled to one pixel":
        for number in range(3):
            x = builder.add(f"pool{number}", MaxPool(stride=2), x)
        x = builder.add("conv", Conv2d(8), x)
    elif kind == "only pools":
        x = builder.add("average", AvgPool(), x)
    elif kind == "all zero":
        x = builder.add("zero", Zero(), builder.add("conv", Conv2d(8), x))
    elif kind == "deep without norms":
        for number in range(8):
            x = builder.add(f"conv{number}", Conv2d(16), x)
            x = builder.add(f"relu{number}", Relu(), x)
    if kind != "only pools":
        x = builder.add("norm", BatchNorm(), x)
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
    builder.add("linear", Linear(10), x)
    return build(builder.build(), 1)


@pytest.mark.parametrize("kind", ["pooled to one pixel", "only pools", "all zero", "deep without norms"])
def test_degenerate_networks_train_without_a_fault(kind: str, training: Tensors, validation: Tensors) -> None:
    trained = train(degenerate(kind), training, validation, Recipe(epochs=1), 1)
    assert 0 <= trained.accuracy <= 1
    assert math.isfinite(trained.curve[0].train_loss)


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    recipe = Recipe(learning_rate=0.2, warmup=0.25)
    rates = [one_cycle(step, 40, recipe) for step in range(40)]
    assert max(rates) == pytest.approx(0.2)
    assert rates.index(max(rates)) in (9, 10)
    assert rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.2 / 20


def test_a_schedule_of_one_step_has_a_rate() -> None:
    assert 0 < one_cycle(0, 1, Recipe()) <= Recipe().learning_rate


def test_batches_are_whole_and_disjoint() -> None:
    rows = torch.cat(list(shuffled(70, 32, torch.Generator().manual_seed(0))))
    assert len(rows) == 64
    assert len(rows.unique()) == 64


def test_a_set_smaller_than_a_batch_is_one_batch() -> None:
    assert [len(rows) for rows in shuffled(20, 32, torch.Generator())] == [20]


def test_norms_and_biases_are_not_decayed() -> None:
    decayed, free = make_optimizer(build(small_network(), 1), Recipe(weight_decay=0.01)).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.01, 0.0)
    assert all(weight.ndim > 1 for weight in decayed["params"])
    assert all(weight.ndim == 1 for weight in free["params"])


def test_recalibrated_norms_hold_the_statistics_of_their_inputs(training: Tensors) -> None:
    module = build(small_network(), 1)
    recalibrate(module, training)
    norm = module.get_submodule("norm")
    images = training.batch(torch.arange(len(training)))
    wanted = module.get_submodule("conv")(images).mean(dim=(0, 2, 3))
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, wanted, atol=2e-3)
    assert norm.momentum == 0.1


def test_adamw_learns_too(training: Tensors, validation: Tensors) -> None:
    recipe = Recipe(epochs=2, optimizer="adamw", learning_rate=0.01)
    assert train(build(chain_network(6), 1), training, validation, recipe, 1).accuracy > 0.9


def test_cost_is_counted() -> None:
    assert counted_cost(macs=1000, images=50, epochs=4) == 3 * 1000 * 50 * 4

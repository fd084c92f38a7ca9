"""Every registered hardware target: positive numbers, each with a source, estimates that grow with the work."""

import random
from dataclasses import fields

import pytest

from architectures import spaces
from architectures.ir.builder import Builder
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from architectures.ir.primitives import BatchNorm, Conv2d, Flatten, GlobalAvgPool, Linear, Relu
from profiling import targets
from profiling.meters.energy import modelled
from profiling.meters.roofline import predict


def network(channels: int, layers: int = 2) -> Graph:
    builder = Builder((3, 32, 32))
    x = "input"
    for number in range(layers):
        with builder.scope(f"layer{number}"):
            x = builder.add("conv", Conv2d(channels), x)
            x = builder.add("norm", BatchNorm(), x)
            x = builder.add("relu", Relu(), x)
    x = builder.add("flatten", Flatten(), builder.add("pool", GlobalAvgPool(), x))
    builder.add("linear", Linear(10), x)
    return builder.build()


@pytest.mark.parametrize("name", targets.names())
def test_its_numbers_are_positive(name: str) -> None:
    target = targets.create(name)
    assert all(getattr(target, field.name) > 0 for field in fields(target))


@pytest.mark.parametrize("name", targets.names())
def test_each_number_has_a_source(name: str) -> None:
    target = targets.create(name)
    named = {part for source in target.sources for part in source.of.split(", ")}
    if "energy" in named:
        named |= {"picojoules_per_mac", "picojoules_per_byte", "picojoules_per_cached_byte"}
    missing = {field.name for field in fields(target)} - named - {"picojoules_per_cached_byte"}
    assert not missing
    assert all(len(source.says) > 20 for source in target.sources)


@pytest.mark.parametrize("name", targets.names())
def test_its_estimates_grow_with_the_work(name: str) -> None:
    target = targets.create(name)
    small, wide, deep = network(16), network(64), network(16, layers=6)
    assert predict(small, target).seconds < predict(wide, target).seconds
    assert predict(small, target).seconds < predict(deep, target).seconds
    assert modelled(complexity(small), target).value < modelled(complexity(wide), target).value


@pytest.mark.parametrize("name", targets.names())
def test_it_estimates_every_network_of_a_space(name: str) -> None:
    target = targets.create(name)
    space = spaces.create("chain", (1, 8, 8), 10)
    for seed in range(10):
        graph = space.decode(space.sample(random.Random(seed)))
        prediction = predict(graph, target)
        assert [node.name for node in prediction.nodes] == [node.name for node in graph.nodes]
        assert prediction.seconds == pytest.approx(sum(node.seconds for node in prediction.nodes))
        assert 0 < prediction.milliseconds < 1000


def test_exactly_one_target_is_this_machine() -> None:
    assert [name for name in targets.names() if targets.get(name).is_this_machine] == ["this_machine"]

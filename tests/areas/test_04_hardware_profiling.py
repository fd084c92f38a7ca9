"""Area 4: figures of a network on a target, each of which says how it came about."""

from random import Random

import pytest

from architectures import spaces
from architectures.ir.complexity import complexity
from architectures.ir.graph import Graph
from profiling import targets
from profiling.profile import profile


def network(seed: int = 3) -> Graph:
    space = spaces.create("chain", (1, 8, 8), 10)
    return space.decode(space.sample(Random(seed)))


@pytest.mark.parametrize("name", targets.names())
def test_every_target_gives_positive_figures_with_their_origin(name: str) -> None:
    readings = profile(network(), name, measure=False).readings
    assert {reading.how for reading in readings.values()} <= {"counted", "modelled"}
    assert all(reading.value > 0 for reading in readings.values())


@pytest.mark.chain(seconds=8)
def test_latency_of_this_machine_is_measured_beside_a_reference() -> None:
    reading = profile(network(), "this_machine").readings["latency"]
    assert reading.how == "measured"
    assert reading.value == pytest.approx(reading.details["ratio"] * reading.details["reference_ms"])
    assert reading.details["raw_min_ms"] <= reading.details["raw_p50_ms"] <= reading.details["raw_p95_ms"]


def test_more_work_is_estimated_to_take_longer() -> None:
    small = spaces.create("chain", (1, 8, 8), 10, widths=(16,), min_layers=2, max_layers=2)
    large = spaces.create("chain", (3, 64, 64), 10, widths=(128,), min_layers=8, max_layers=8)
    for name in targets.names():
        quick, slow = (profile(space.decode(space.sample(Random(1))), name, measure=False) for space in (small, large))
        assert quick.readings["latency"].value < slow.readings["latency"].value
        assert quick.readings["energy"].value < slow.readings["energy"].value


@pytest.mark.chain(seconds=10)
def test_measured_latency_orders_two_networks_of_which_one_does_twenty_times_the_work() -> None:
    small = spaces.create("chain", (3, 32, 32), 10, stages=1, widths=(16,), min_layers=2, max_layers=2)
    large = spaces.create("chain", (3, 32, 32), 10, stages=1, widths=(128,), min_layers=8, max_layers=8)
    quick, slow = (space.decode(space.sample(Random(1))) for space in (small, large))
    assert complexity(slow).macs > 20 * complexity(quick).macs
    measured = [profile(graph, "this_machine").readings["latency"].value for graph in (quick, slow)]
    assert measured[0] < measured[1]

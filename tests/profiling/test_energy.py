"""Energy: modelled and saying so; measured where a counter can be read."""

from pathlib import Path

import pytest

from architectures.ir.complexity import complexity
from profiling import targets
from profiling.meters.energy import Rapl, measured, modelled
from tests.searches.evaluation.worlds import small_network


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    for name, microjoules in (("intel-rapl:0", 900), ("intel-rapl:1", 100), ("intel-rapl:0:0", 5)):
        zone = tmp_path / name
        zone.mkdir()
        (zone / "energy_uj").write_text(f"{microjoules}\n")
        (zone / "max_energy_range_uj").write_text("999\n")
    return tmp_path


def test_the_model_says_that_it_is_one() -> None:
    counted = complexity(small_network())
    target = targets.create("phone")
    reading = modelled(counted, target)
    assert (reading.how, reading.unit) == ("modelled", "mJ")
    assert reading.value == pytest.approx((counted.macs * 22.1 + counted.bytes_moved * 12.5) * 1e-9)


def test_packages_are_counted_and_their_parts_are_not(powercap: Path) -> None:
    assert Rapl(powercap).microjoules() == [900, 100]


def test_a_counter_that_wrapped_round_is_followed(powercap: Path) -> None:
    assert Rapl(powercap).spent([900, 100], [50, 300]) == 150 + 200


def test_no_counter_is_no_counter(tmp_path: Path) -> None:
    assert not Rapl(tmp_path).is_readable()
    assert not Rapl(tmp_path / "absent").is_readable()


def test_idle_energy_is_taken_off(powercap: Path) -> None:
    counter = Rapl(powercap)

    def run() -> None:
        zone = powercap / "intel-rapl:1" / "energy_uj"
        zone.write_text(str(int(zone.read_text()) + 7))

    reading = measured(run, counter, seconds=0.05)
    assert reading.how == "measured"
    assert reading.details["idle_watt"] == 0
    assert reading.value == pytest.approx(7e-3)

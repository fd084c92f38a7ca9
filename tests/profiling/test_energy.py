"""Energy: modelled and saying so; measured where a counter can be read."""

from pathlib import Path

import pytest

from architectures.ir.complexity import complexity
from profiling import targets
from profiling.meters import energy as meter
from profiling.meters.energy import Nvml, Rapl, counter_of, energy, measured, modelled
from profiling.meters.origin import is_modelled
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


class Board:
    """nvidia-ml-py, as far as it is used: a board that has spent 5 J and spends 2 mJ a look."""

    class NVMLError(Exception):
        pass

    def __init__(self, is_there: bool = True) -> None:
        self.is_there, self.spent = is_there, 5000

    def nvmlInit(self) -> None:
        if not self.is_there:
            raise self.NVMLError("driver not loaded")

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetHandleByUUID(self, name: str) -> str:
        return name

    def nvmlDeviceGetTotalEnergyConsumption(self, board: int | str) -> int:
        self.spent += 2
        return self.spent


def test_a_gpus_own_counter_is_read_where_its_library_and_driver_are() -> None:
    counter = Nvml(Board())
    assert counter.is_readable()
    before, after = counter.microjoules(), counter.microjoules()
    assert counter.spent(before, after) == 2000
    assert not Nvml(Board(is_there=False)).is_readable()


@pytest.mark.parametrize(("visible", "board"), [(None, 0), ("3,1", 3), ("GPU-aa11", "GPU-aa11")])
def test_of_several_gpus_the_one_that_is_trained_on_is_read(
    visible: str | None, board: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert Nvml(Board()).board() == board


def test_a_measured_value_stands_beside_the_models(powercap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "counter_of", lambda target: Rapl(powercap))
    monkeypatch.setattr(measured, "__defaults__", (0.02,))
    counted, here = complexity(small_network()), targets.create("this_machine")
    reading = energy(lambda: None, counted, here)
    assert (reading.how, reading.details["counter"]) == ("measured", "RAPL, packages")
    assert reading.details["modelled_mj"] == modelled(counted, here).value


def test_without_a_counter_energy_is_an_estimate_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Rapl, "__init__", lambda self: setattr(self, "zones", []))
    assert counter_of(targets.create("this_machine")) is None
    assert energy(lambda: None, complexity(small_network()), targets.create("this_machine")).how == "modelled"
    assert is_modelled("energy_mj", "this_machine")
    assert not is_modelled("latency_ms", "this_machine")
    assert is_modelled("latency_ms", "phone")
    assert not is_modelled("latency_ms", "phone@3")
    assert is_modelled("energy_mj", "phone@3")
    assert not is_modelled("memory_bytes", "phone")


def test_of_a_target_elsewhere_no_counter_is_asked() -> None:
    assert counter_of(targets.create("phone")) is None

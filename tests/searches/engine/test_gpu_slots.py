"""Placement: evaluators lie apart on the devices of a machine, whoever started them; without a GPU nothing changes."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from searches.engine import __main__ as engine
from searches.engine import hardware
from searches.engine.executors.gpu_slots import ALL_GPUS, OPTION, GpuSlot, GpuSlots, PlacementError, available_slots
from searches.engine.executors.process_executor import ProcessExecutor
from searches.engine.hardware import VISIBLE, Gpu, gpus
from searches.spec import SearchSpec
from tests.searches.engine import stand_in
from tests.searches.engine.test_process_executor import finish, job
from tests.support.portal import wait_until

GIB = 2**30
TOLD = "0, GPU-aa11, 40960, Big\n1, GPU-bb22, 8192, Small\n2, GPU-cc33, [N/A], Small\n"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three GPUs, as NVIDIA's tool tells them, and locks that nobody else holds."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin/nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<END\n{TOLD}END\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(hardware, "torch_build", lambda: "2.13.0")
    for name in (VISIBLE, OPTION, "NASPORTAL_DEVICE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def taken(of: GpuSlots, count: int, *, must: bool = False) -> list[GpuSlot]:
    return [slot for slot in (of.take(must=must) for _ in range(count)) if slot]


def test_devices_are_told_by_the_drivers_tool() -> None:
    told = Gpu("GPU-aa11", 40 * GIB, "Big"), Gpu("GPU-bb22", 8 * GIB, "Small"), Gpu("GPU-cc33", None, "Small")
    assert gpus() == told


def test_the_kind_of_a_machine_names_its_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    """They decide a training's bits, so a cached result of another board is none."""
    assert hardware.machine.__wrapped__()["gpu"] == "Big, Small"
    monkeypatch.setenv(VISIBLE, "2")
    assert hardware.machine.__wrapped__()["gpu"] == "Small"
    monkeypatch.setenv("NASPORTAL_DEVICE", "cpu")
    assert "gpu" not in hardware.machine.__wrapped__()


@pytest.mark.parametrize("how", ["no tool", "no driver", "cpu by option", "torch without CUDA"])
def test_a_machine_without_a_gpu_is_as_it_was(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "no tool":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif how == "no driver":
        (tmp_path / "bin/nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    elif how == "cpu by option":
        monkeypatch.setenv("NASPORTAL_DEVICE", "cpu")
    else:
        monkeypatch.setattr(hardware, "torch_build", lambda: "2.13.0+cpu")
    executor = engine.executor_for(SearchSpec(), 5)
    assert isinstance(executor, ProcessExecutor)
    assert (executor.workers, executor.slots) == (5, None)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ("1", [("1", 8 * GIB)]),
        ("GPU-bb,0", [("GPU-bb", 8 * GIB), ("0", 40 * GIB)]),
        ("2,-1,0", [("2", None)]),
        ("7", []),
        ("", []),
        ("MIG-dd44", [("MIG-dd44", None)]),
    ],
)
def test_what_an_administrator_hides_stays_hidden(
    names: str, kept: list[tuple[str, int | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, names)
    assert [(gpu.name, gpu.free_bytes) for gpu in gpus()] == kept


@pytest.mark.parametrize(
    ("option", "held"),
    [("", [1, 1, 1]), ("2", [2, 2, 2]), ("memory", [16, 3, 1])],
)
def test_a_device_holds_one_evaluator_or_as_many_as_are_asked_or_fit(
    option: str, held: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OPTION, option)
    found = available_slots(2 * GIB)
    assert found is not None
    assert list(found.held.values()) == held
    executor = engine.executor_for(SearchSpec(), 64)
    assert isinstance(executor, ProcessExecutor)
    assert executor.workers == sum(held)


@pytest.mark.parametrize("option", ["0", "65", "-1", "1.5", "many"])
def test_an_option_that_says_nothing_is_refused(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPTION, option)
    rule = f"NASPORTAL_EVALUATORS_PER_GPU must be a whole number from 1 to 64, or memory, but is '{option}'"
    with pytest.raises(PlacementError) as refused:
        available_slots(None)
    assert str(refused.value) == rule


def test_searches_of_one_machine_keep_out_of_each_others_way() -> None:
    ours, theirs = GpuSlots({"a": 2, "b": 1}), GpuSlots({"a": 2, "b": 1})
    first, second = taken(ours, 2), taken(theirs, 2)
    assert [slot.gpu for slot in first] == ["a", "b"]
    assert [slot.gpu for slot in second] == ["a"]  # all three slots are held
    assert [slot.gpu for slot in taken(theirs, 3, must=True)] == ["a", "b", "a"]  # those who must share evenly
    os.close(first[1].lock)
    assert [slot.gpu for slot in taken(theirs, 2)] == ["b"]


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    executor = ProcessExecutor(3, command=(sys.executable, stand_in.__file__), slots=GpuSlots({"a": 1, "b": 1}))
    yield executor
    executor.close()


def environments(executor: ProcessExecutor) -> list[tuple[str, str]]:
    found = []
    for each in executor._evaluators.values():
        place = Path(f"/proc/{each.process.pid}/environ")
        wait_until(lambda place=place: VISIBLE in place.read_text(), 10)  # empty while the program is being started
        variables = dict(row.split("=", 1) for row in place.read_text().split("\0") if row)
        found.append((variables[VISIBLE], variables[ALL_GPUS]))
    return sorted(found)


def test_each_evaluator_sees_its_own_device_and_knows_the_others(executor: ProcessExecutor, tmp_path: Path) -> None:
    for number in range(3):
        executor.submit(job(number, tmp_path))
    assert environments(executor) == [("a", "a,b"), ("b", "b,a")]
    assert {result.number for result in finish(executor, 3)} == {0, 1, 2}


def test_a_slot_falls_with_its_evaluator(executor: ProcessExecutor, tmp_path: Path) -> None:
    executor.submit(job(0, tmp_path, stand_in.DIES_ONCE))
    assert finish(executor, 1)[0].status == "done"
    assert environments(executor) == [("a", "a,b")]
    others = GpuSlots({"a": 1, "b": 1})
    assert [slot.gpu for slot in taken(others, 2)] == ["b"]
    executor.close()
    assert [slot.gpu for slot in taken(others, 2)] == ["a"]


def test_a_search_that_finds_all_devices_full_shares_one(executor: ProcessExecutor, tmp_path: Path) -> None:
    held = taken(GpuSlots({"a": 1, "b": 1}), 2)
    for number in range(2):
        executor.submit(job(number, tmp_path))
    assert [name for name, _ in environments(executor)] == ["a"]
    assert len(finish(executor, 2)) == 2
    os.close(held[1].lock)
    executor.submit(job(2, tmp_path))
    executor.submit(job(3, tmp_path))
    assert [name for name, _ in environments(executor)] == ["a", "b"]

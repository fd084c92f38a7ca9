"""Where evaluators train, and in which precision: one option, refused where the machine cannot."""

from types import SimpleNamespace

import pytest
import torch

from searches.evaluation.training.device import DeviceError, device, limited, precision
from searches.evaluation.training.recipe import Recipe
from searches.evaluation.training.tensors import Tensors

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["", "auto", "cpu"])
def test_a_machine_without_a_gpu_trains_on_its_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASPORTAL_DEVICE", name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device() == CPU


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu", "NASPORTAL_DEVICE must be one of auto, cpu, cuda, mps, but is 'gpu'"),
        ("cuda", "sees no CUDA device; use auto or cpu"),
        ("mps", "sees no Apple GPU; use auto or cpu"),
    ],
)
def test_a_device_that_is_not_there_is_refused(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASPORTAL_DEVICE", name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=message):
        device()


def test_precision_follows_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda")
    for is_supported, kind in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda answer=is_supported: answer)
        assert precision("auto", gpu, 8) == kind
    assert precision("bfloat16", CPU, 8) == torch.bfloat16
    with pytest.raises(DeviceError, match="float16 needs a GPU; a CPU trains in bfloat16 or float32"):
        precision("float16", CPU, 8)


def test_a_cpu_takes_bfloat16_by_itself_where_it_is_the_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    for known, side, kind in (
        ({"avx512_bf16": True}, 28, torch.bfloat16),
        ({"amx_bf16": True}, 32, torch.bfloat16),
        ({"avx512_bf16": True}, 16, torch.float32),
        ({"avx2": True, "avx512_bf16": False}, 32, torch.float32),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda answer=known: answer)
        assert precision("auto", CPU, side) == kind
        assert precision("float32", CPU, side) == torch.float32


def test_on_a_gpu_a_trainings_limit_is_the_allocators(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda place: SimpleNamespace(total_memory=1000))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda place: 50)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, place: shares.append(share))
    for limit in (200, 5000):
        with pytest.raises(KeyError), limited(torch.device("cuda"), limit):
            raise KeyError
    assert shares == [0.25, 1.0, 1.0, 1.0]


def test_a_share_keeps_the_classes_in_proportion() -> None:
    targets = torch.arange(100) % 4
    whole = Tensors(torch.zeros(100, 1, 4, 4), targets, 255.0, torch.zeros(1, 1, 1), torch.ones(1, 1, 1))
    part = whole.reduced(0.2)
    assert torch.bincount(part.targets).tolist() == [5] * 4
    assert part.rows is not None
    assert torch.equal(targets[part.rows], part.targets)
    again = whole.reduced(0.2).rows
    assert again is not None
    assert torch.equal(part.rows, again)
    assert len(whole.reduced(0.0001)) == 4
    assert Recipe(share=0.2).images(100) == 20

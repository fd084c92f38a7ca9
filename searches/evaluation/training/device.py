"""Chooses where networks are trained: one option for all evaluators of a machine, in the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from searches.evaluation.process import limited_memory

OPTION = "NASPORTAL_DEVICE"
CHOICES = ("auto", "cpu", "cuda", "mps")
BFLOAT16_SIDE = 28


class DeviceError(ValueError):
    """A device that this machine or this build of torch does not have."""


def device() -> torch.device:
    """Returns the device; ``auto`` takes CUDA where there is one. MPS is taken only by name: its results do not repeat
    exactly.

    Raises DeviceError where the option is unknown or torch sees no such device.
    """
    name = os.environ.get(OPTION) or "auto"
    if name not in CHOICES:
        raise DeviceError(f"{OPTION} must be one of {', '.join(CHOICES)}, but is {name!r}")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"{OPTION} is cuda, but torch {torch.__version__} sees no CUDA device; use auto or cpu")
    if name == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(f"{OPTION} is mps, but torch {torch.__version__} sees no Apple GPU; use auto or cpu")
    return torch.device(name)


def precision(name: str, device: torch.device, side: int) -> torch.dtype:
    """Returns the type that a training's products are computed in; weights and accuracy stay float32.

    ``side`` is the images' shorter one: in small ones a CPU spends its time elsewhere, and bfloat16 gains nothing.
    Raises DeviceError where float16 is asked of a CPU.
    """
    if name == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        is_worth_it = device.type == "cpu" and side >= BFLOAT16_SIDE and computes_bfloat16()
        return torch.bfloat16 if is_worth_it else torch.float32
    if name == "float16" and device.type == "cpu":
        raise DeviceError("training.precision float16 needs a GPU; a CPU trains in bfloat16 or float32")
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def computes_bfloat16() -> bool:
    """Returns whether this CPU multiplies bfloat16 itself; elsewhere it is made of float32, and slower."""
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


@contextmanager
def limited(device: torch.device, limit_bytes: int | None) -> Iterator[None]:
    """Allocations past the limit fail: of this process, or on a GPU of its allocator. What lies there already stays."""
    if device.type != "cuda" or limit_bytes is None:
        with limited_memory(limit_bytes):
            yield
        return
    total = torch.cuda.get_device_properties(device).total_memory
    allowed = torch.cuda.memory_allocated(device) + limit_bytes
    torch.cuda.set_per_process_memory_fraction(min(1.0, allowed / total), device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)

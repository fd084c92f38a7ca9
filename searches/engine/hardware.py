"""The kind of machine and the torch build that a search ran on: bit-equality is promised on one such pair.

NVIDIA's own tool lists GPUs: torch is not imported for them, neither here nor in the web process.
"""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from nasportal.lib import machine as facts
from nasportal.lib.machine import processor_flags

DEVICE = "NASPORTAL_DEVICE"
VISIBLE = "CUDA_VISIBLE_DEVICES"
QUERY = ("nvidia-smi", "--query-gpu=index,uuid,memory.free,name", "--format=csv,noheader,nounits")
EXTENSIONS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")  # those that decide how torch multiplies, newest first
QUERY_SECONDS = 30.0  # the first call may have to load the driver


@dataclass(frozen=True)
class Gpu:
    """A device by the name that CUDA_VISIBLE_DEVICES takes."""

    name: str
    free_bytes: int | None  # of a part of a device (MIG) the tool does not show it
    board: str = ""


@cache
def machine() -> dict[str, str]:
    found = {"kind": f"{platform.machine()} {processor()}".strip(), "torch": torch_build()}
    if boards := sorted({gpu.board for gpu in gpus()}):
        found["gpu"] = ", ".join(boards)
    device = os.environ.get(DEVICE) or "auto"  # auto follows from the others on one machine
    return found if device == "auto" else found | {"device": device}


def processor() -> str:
    # Two virtual machines may give one name to chips of several generations.
    own = [flag.replace("_", " ") for flag in EXTENSIONS if flag in processor_flags()][:1]
    return ", ".join([facts.processor(), *own])


def torch_build() -> str:
    """Asked of the installed package, not of torch itself: importing it takes seconds."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return "not installed"


def gpus() -> tuple[Gpu, ...]:
    """Returns those that evaluators may use: none where they train elsewhere by option, or torch knows no CUDA."""
    if (os.environ.get(DEVICE) or "auto") not in ("auto", "cuda") or torch_build().endswith("+cpu"):
        return ()
    return visible(listed(), os.environ.get(VISIBLE))


def listed() -> list[tuple[str, Gpu]]:
    """Index and device, in the tool's order; nothing where there is no tool or no driver."""
    try:
        told = subprocess.run(QUERY, capture_output=True, text=True, timeout=QUERY_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if told.returncode:
        return []
    rows = [[cell.strip() for cell in row.split(",", 3)] for row in told.stdout.splitlines() if row.strip()]
    return [
        (index, Gpu(uuid, int(free) * 2**20 if free.isdecimal() else None, board)) for index, uuid, free, board in rows
    ]


def visible(found: Sequence[tuple[str, Gpu]], names: str | None) -> tuple[Gpu, ...]:
    """Returns what an administrator's CUDA_VISIBLE_DEVICES leaves, by its own names; as in CUDA, the first unknown one
    ends it.

    The tool counts devices by their place on the bus, CUDA by default from the quickest: on a machine with unlike
    boards a number's free memory may be another board's.
    """
    if not found or names is None:
        return tuple(gpu for _, gpu in found)
    kept: list[Gpu] = []
    for name in (name.strip() for name in names.split(",")):
        meant = [gpu for index, gpu in found if name == index or (name and gpu.name.startswith(name))]
        if not meant and not name.startswith("MIG-"):
            break
        kept.append(replace(meant[0], name=name) if meant else Gpu(name, None, "a part of a GPU"))
    return tuple(kept)

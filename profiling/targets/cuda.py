"""The NVIDIA GPU of the machine that the search runs on: latency is measured there, energy by the board's counter."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import ClassVar

from profiling.targets import Source, register
from profiling.targets.gpu import Gpu

DRIVER = Path("/proc/driver/nvidia/version")


@register("cuda")
@dataclass(frozen=True)
class Cuda(Gpu):
    title: ClassVar[str] = "This machine's NVIDIA GPU"
    device: ClassVar[str] = "cuda"
    sources: ClassVar[tuple[Source, ...]] = tuple(
        Source(each.of, f"assumed, until it is measured here, as of the target gpu. {each.says}")
        for each in Gpu.sources
    )

    @classmethod
    def absence(cls) -> str:
        way_out = "select the target gpu to model an NVIDIA T4"
        if not DRIVER.exists():
            return f"this machine has no NVIDIA driver, so nothing can be measured on a GPU here; {way_out}"
        if metadata.version("torch").endswith("+cpu"):
            return f"torch is installed here without CUDA; install a CUDA build, or {way_out}"
        return ""

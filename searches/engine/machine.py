"""The kind of machine and the torch build that a search ran on: bit-equality is promised on one such pair."""

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def machine() -> dict[str, str]:
    found = {"kind": f"{platform.machine()} {processor()}".strip(), "torch": torch_build()}
    device = os.environ.get("NASPORTAL_DEVICE") or "auto"  # auto follows from the other two on one machine
    return found if device == "auto" else found | {"device": device}


def processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [row.partition(":")[2].strip() for row in rows if row.startswith(("model name", "Model"))]
    return names[0] if names else platform.processor()


def torch_build() -> str:
    """Asked of the installed package, not of torch itself: importing it takes seconds."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return "not installed"

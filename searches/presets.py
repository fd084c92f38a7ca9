"""Specs to begin with: one click fills the whole form, and everything can be changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A named start."""

    title: str
    note: str
    document: Mapping[str, Any]


PRESETS: Mapping[str, Preset] = {
    "quick": Preset(
        "Quick look", "24 networks, about two minutes", {"evaluations": 24, "algorithm_options": {"population": 6}}
    ),
    "balanced": Preset(
        "Balanced",
        "96 networks, longer training",
        {"evaluations": 96, "algorithm_options": {"population": 16}, "training": {"epochs": 8}},
    ),
    "thorough": Preset(
        "Thorough",
        "400 networks, for a night",
        {"evaluations": 400, "algorithm_options": {"population": 24}, "training": {"epochs": 15}},
    ),
    # Devices: the limits are what such a device holds beside everything else that it does.
    "phone": Preset(
        "Phone",
        "estimated latency on a phone",
        {
            "target": "phone",
            "objectives": ["accuracy", "latency", "memory"],
            "limits": {"max_params": 1_000_000, "max_flops": 100_000_000},
        },
    ),
    "edge": Preset(
        "Edge board",
        "estimated latency and energy on a Raspberry Pi 4",
        {
            "target": "raspberry_pi_4",
            "objectives": ["accuracy", "latency", "energy"],
            "limits": {"max_params": 2_000_000, "max_flops": 400_000_000},
        },
    ),
    "gpu": Preset(
        "GPU",
        "estimated latency on a data-centre GPU, wide networks allowed",
        {"target": "gpu", "objectives": ["accuracy", "latency", "params"], "training": {"epochs": 8}},
    ),
    "microcontroller": Preset(
        "Microcontroller",
        "at most 100 K parameters, 128 KB",
        {
            "target": "microcontroller",
            "objectives": ["accuracy", "latency", "memory"],
            "limits": {"max_params": 100_000, "max_memory_bytes": 128_000},
        },
    ),
}

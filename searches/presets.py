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


# As measured (docs/benchmarks/cheap-ranking.md): synflow, then two epochs for the better third, ranks best for
# its cost. Balanced is that, with a full training of the front; thorough climbs on from there.
SCREENED = {"proxy": "synflow", "rungs": "2", "final_epochs": 12, "final_seeds": 2}
CLIMBED = {"proxy": "synflow", "rungs": "2,8", "promote_by": "training_loss", "final_epochs": 24}

PRESETS: Mapping[str, Preset] = {
    "quick": Preset(
        "Quick look", "24 networks, about two minutes", {"evaluations": 24, "algorithm_options": {"population": 6}}
    ),
    "balanced": Preset(
        "Balanced",
        "96 networks screened by synflow; the best third trained, the front in full",
        {"evaluations": 96, "algorithm_options": {"population": 16}, "ladder": SCREENED},
    ),
    "thorough": Preset(
        "Thorough",
        "400 networks screened by synflow, a ladder of 2 and 8 epochs, the front in full; runs overnight",
        {"evaluations": 400, "algorithm_options": {"population": 24}, "ladder": CLIMBED},
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

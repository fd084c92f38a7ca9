"""The specs whose canonical documents are kept as files, and the text of such a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PRESETS = Path(__file__).parent / "presets"
DOCUMENTS = Path(__file__).parent / "documents"

ALGORITHMS = (
    "darts",
    "nsga2",
    "portfolio",
    "predictor",
    "progressive",
    "random_search",
    "regularized_evolution",
    "reinforce",
)
SPACES = ("cell201", "chain", "mobile")
LADDER = {
    "rungs": "2,8",
    "eta": 4,
    "proxy": "synflow",
    "promote_by": "training_loss",
    "final_epochs": 24,
    "final_seeds": 2,
    "final_networks": 5,
    "final_replicas": 2,
}
LIMITS = {
    "max_params": 200_000,
    "min_params": 1_000,
    "max_flops": 30_000_000,
    "max_memory_bytes": 4_000_000,
}
TRAINING = {
    "epochs": 8,
    "batch_size": 64,
    "learning_rate": 0.01,
    "warmup": 0.1,
    "optimizer": "adamw",
    "momentum": 0.8,
    "weight_decay": 0.001,
    "label_smoothing": 0.0,
    "augmentation": "flip_crop",
    "share": 0.5,
    "precision": "float32",
}
EVERY_FIELD: dict[str, Any] = {
    "space_options": {"widths": [16, 32], "max_layers": 4},
    "limits": LIMITS,
    "algorithm": "random_search",
    "algorithm_options": {"population": 12},
    "objectives": ["accuracy", "latency", "energy", "memory", "flops", "params"],
    "target": "raspberry_pi_4",
    "when_away": "model",
    "training": TRAINING,
    "ladder": LADDER,
    "evaluations": 60,
    "seconds": 90.5,
    "max_cost": 2**40,
    "seed": 2**63 - 1,
    "deadline_seconds": 60.0,
    "training_memory_bytes": 2**30,
    "lag": 3,
    "synchronisation": "generational",
    "control": True,
    "choose": "weights:accuracy=.7,latency=.3",
}
# Whole numbers where a spec has room for fractions: it stores 90.0 for 90.
WHOLE_SECONDS = {"seconds": 90, "deadline_seconds": 60, "training": {"weight_decay": 0, "share": 1}}
SUPERNET = {"ladder": {"rungs": "1,4", "proxy": "supernet", "supernet_epochs": 6, "trial_networks": 8}}
INHERITED = {"training": {"inherit": True}, "ladder": {"rungs": "2,8"}, "choose": "vote"}

FURTHER: Mapping[str, Mapping[str, Any]] = {
    "defaults": {},
    **{f"algorithm_{name}": {"algorithm": name} for name in ALGORITHMS},
    **{f"space_{name}": {"space": name} for name in SPACES},
    "every_field": EVERY_FIELD,
    "whole_seconds": WHOLE_SECONDS,
    "supernet": SUPERNET,
    "inherited": INHERITED,
}


def text(document: Any) -> str:
    """A document as its file has it. Unlike ``==`` it tells true from 1, 1 from 1.0, and a text from a list."""
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"

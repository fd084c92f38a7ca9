"""A training's state in a file, once in a while: after a kill it goes on from there, to the same bits."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from searches.evaluation.files import write_file

EVERY_SECONDS = 10.0  # a shorter training is sooner done again than written down
DIGEST = 64  # characters of a sha256, in front of the content


@dataclass
class Checkpointer:
    """One file, written after an epoch when some seconds have passed since the last time.

    ``key`` says what is trained: with the file of another training nobody goes on. A damaged file is as none.
    """

    path: Path
    key: str
    every_seconds: float = EVERY_SECONDS
    written: float = field(default_factory=time.monotonic)

    def keep(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Stores tensors of any shape by name, and facts, unless the last ones are newer than `every_seconds`."""
        if time.monotonic() - self.written < self.every_seconds:
            return
        plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        content = safetensors.torch.save(plain, {"facts": json.dumps({**facts, "key": self.key})})
        write_file(self.path, hashlib.sha256(content).hexdigest().encode() + content)
        self.written = time.monotonic()

    def kept(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Returns the stored tensors, each of its own shape, and facts; None where none of this key are whole."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        digest, content = raw[:DIGEST], raw[DIGEST:]
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        length = int.from_bytes(content[:8], "little")  # of the header, which safetensors' own loader does not show
        facts = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["facts"])
        if facts.pop("key") != self.key:
            return None
        return safetensors.torch.load(content), facts

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


def state_of(
    module: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator, device: torch.device
) -> dict[str, Tensor]:
    """Returns all that an epoch hands on to the next one, by name: tensors of any shape."""
    found = {f"module/{name}": value for name, value in module.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                found[f"optimizer/{index}/{name}"] = value
    found["generator"] = generator.get_state()
    found["dropout"] = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
    return found


def restore(
    tensors: Mapping[str, Tensor],
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    device: torch.device,
) -> None:
    """Puts tensors of `state_of`, each of the same shape as what it replaces, back."""
    module.load_state_dict(
        {name.removeprefix("module/"): value for name, value in tensors.items() if name.startswith("module/")}
    )
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, key = name.split("/")
            parameter = parameters[int(index)]
            is_like = value.shape == parameter.shape  # then it lies in memory as its parameter does
            held = torch.empty_like(parameter, dtype=value.dtype) if is_like else torch.empty_like(value)
            optimizer.state[parameter][key] = held.to(parameter.device).copy_(value)
    generator.set_state(tensors["generator"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(tensors["dropout"], device)
    else:
        torch.set_rng_state(tensors["dropout"])

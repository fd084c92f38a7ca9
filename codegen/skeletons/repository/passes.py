"""Changes that keep what the network computes: no dead nodes, fused batch norms, channels last, checkpointing, int8."""

import copy
import json
import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint

from data import Floats

ARCHITECTURE = Path(__file__).with_name("architecture.json")


ACTIVATIONS = ("Relu", "Relu6", "HardSwish", "HardSigmoid", "Sigmoid")


@dataclass(frozen=True)
class Group:
    """A convolution, its batch norm and the activation after it; `reason` says why the norm is not fused."""

    conv: str
    norm: str
    activation: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"{self.norm}: not fused, {self.reason}"
        after = f"; {self.activation} is applied by C, ONNX Runtime and --compile in the same loop"
        return f"{self.conv} + {self.norm}: fused{after if self.activation else ''}"


def groups() -> Iterator[Group]:
    """Each batch norm of the network, with the convolution before it and the activation after it."""
    nodes = json.loads(ARCHITECTURE.read_text(encoding="utf-8"))["nodes"]
    kinds = {node["name"]: node["kind"] for node in nodes}
    readers: dict[str, list[str]] = {}
    for node in nodes:
        for name in node["inputs"]:
            readers.setdefault(name, []).append(node["name"])
    for node in nodes:
        if node["kind"] == "BatchNorm":
            before = node["inputs"][0]
            reason = "" if kinds[before] == "Conv2d" else f"it follows {before}, which is no convolution"
            if not reason and len(readers[before]) > 1:
                reason = f"{before} is read {len(readers[before])} times"
            after = readers.get(node["name"], [])
            is_alone = len(after) == 1 and kinds[after[0]] in ACTIVATIONS
            yield Group(before, node["name"], after[0] if is_alone else "", reason)


def without_dead(model: nn.Module) -> nn.Module:
    """A copy for inference without dropouts; other dead nodes were never printed."""
    model = copy.deepcopy(model).eval()
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Dropout):
            model.set_submodule(name, nn.Identity())
    return model


def fused(model: nn.Module) -> nn.Module:
    """A copy for inference, its batch norms folded into the convolutions before them."""
    model = copy.deepcopy(model).eval()
    for group in groups():
        if not group.reason:
            conv, norm = model.get_submodule(group.conv), model.get_submodule(group.norm)
            model.set_submodule(group.conv, fuse_conv_bn_eval(conv, norm))
            model.set_submodule(group.norm, nn.Identity())
    return model


def channels_last(model: nn.Module) -> nn.Module:
    """A copy whose weights lie in memory as CPU and GPU kernels like them; give it images in the same format."""
    return copy.deepcopy(model).to(memory_format=torch.channels_last)


def checkpoint_activations(model: nn.Module) -> None:
    """Keep only what passes between the layers, and compute the rest again in the backward pass.

    The second forward pass updates each batch norm's statistics once more: momentum 1 − √(1 − m) makes two updates
    count as one.
    """
    for layer in layers(model):
        for module in layer.modules():
            if isinstance(module, nn.BatchNorm2d) and module.momentum is not None:
                module.momentum = 1 - math.sqrt(1 - module.momentum)
        layer.forward = Checkpointed(layer.forward, layer)  # type: ignore[method-assign]


def layers(model: nn.Module) -> Iterator[nn.Module]:
    """The layers of each stage; a stage without layers of several modules is one itself."""
    for stage in model.children():
        inner = [layer for layer in stage.children() if any(layer.children())]
        yield from inner or [stage]


class Checkpointed:
    """A layer's forward pass that keeps its inputs only."""

    def __init__(self, forward: Callable[..., Any], layer: nn.Module) -> None:
        self.forward, self.layer = forward, layer

    def __call__(self, *inputs: Tensor) -> Any:
        if not (self.layer.training and torch.is_grad_enabled()):
            return self.forward(*inputs)
        return checkpoint(self.forward, *inputs, use_reentrant=False)


def compiled(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """torch.compile: the first call takes a minute or so, later ones are quicker on large networks."""
    return torch.compile(model, dynamic=True)


def quantise(source: Path, target: Path, calibration: Floats) -> None:
    """Static int8 of an ONNX file: weights signed, a scale a channel; activations unsigned, which x86 runs best."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self.batches = iter(calibration[start : start + 32] for start in range(0, len(calibration), 32))

        def get_next(self) -> dict[str, Floats] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"images": batch}

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        # Seven bits of a weight are used: with eight, x86 without VNNI adds two products in 16 bits, which overflow.
        quantize_static(
            str(prepared),
            str(target),
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )


if __name__ == "__main__":
    print("\n".join(map(str, groups())))

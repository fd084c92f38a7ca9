"""ExecuTorch, PyTorch's runtime for devices: model.pte, its operators taken over by XNNPACK where it has them."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from data import Floats
from inference import Predict

FILE = Path(__file__).with_name("model.pte")


def is_runnable() -> bool:
    return find_spec("executorch") is not None


def export(data: str | None) -> Path:
    """For one image (1, C, H, W) at a time, as devices have them."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    from model import INPUT_SHAPE, load

    program = torch.export.export(load(), (torch.zeros(1, *INPUT_SHAPE),))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    FILE.write_bytes(lowered.to_executorch().buffer)
    return FILE


def backend() -> Predict:
    import torch
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(FILE).load_method("forward")
    assert method is not None

    def one(image: Floats) -> Floats:
        logits: Floats = method.execute([torch.from_numpy(image[None])])[0].numpy()[0].copy()
        return logits

    return lambda images: np.stack([one(np.ascontiguousarray(each)) for each in images])

"""A training in several processes, each with its part of every batch, to the result of one process (data parallel).

Gradients are averaged by torch's DistributedDataParallel. What looks at more than one image is the whole batch's:
batch norms take their statistics from all replicas (torch's own such norm refuses CPUs), dropout and augmentation are
drawn for the whole batch by each replica and cut to its part. So n replicas differ from one process by rounding alone,
and n replicas repeat themselves to the bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel


@dataclass
class ProcessGroup:
    """The replicas of one training, seen by one of them; the first leads: it watches, validates and keeps files."""

    rank: int = 0
    size: int = 1
    images: int = 0  # of the present batch, over all replicas

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    @property
    def shard(self) -> "slice[int, int, None]":
        """Returns this replica's part of the present batch."""
        return slice(self.images * self.rank // self.size, self.images * (self.rank + 1) // self.size)

    @property
    def weight(self) -> float:
        """Returns the weight of this part's mean loss: 1 unless the batch does not divide evenly."""
        return (self.shard.stop - self.shard.start) * self.size / self.images

    def parallel(self, forward: nn.Module) -> nn.Module:
        """Averages gradients on the way back."""
        if self.size == 1:
            return forward
        return DistributedDataParallel(forward, forward_sync_buffers=False)  # norms agree by themselves

    def mean(self, value: Tensor) -> Tensor:
        """Averages a tensor of any shape over the replicas, in place."""
        if self.size > 1:
            dist.all_reduce(value)
            value /= self.size
        return value

    @contextmanager
    def in_step(self, module: nn.Module) -> Iterator[None]:
        """Within it a forward pass sees the whole batch; outside, the leader measures alone."""
        if self.size == 1:
            yield
            return
        layers = [layer for layer in module.modules() if isinstance(layer, (nn.BatchNorm2d, nn.Dropout))]
        for layer in layers:
            shared = partial(normalised, layer) if isinstance(layer, nn.BatchNorm2d) else partial(dropped, layer, self)
            layer.forward = shared  # type: ignore[method-assign]
        try:
            yield
        finally:
            for layer in layers:
                del layer.forward


class Sum(torch.autograd.Function):
    """Over all replicas, forwards and backwards."""

    @staticmethod
    def forward(context: Any, value: Tensor) -> Tensor:
        """Sums a tensor of any shape over the replicas."""
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        """Sums the gradient, of the same shape, over the replicas."""
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def over_all(value: Tensor) -> Tensor:
    """Sums a tensor of any shape over the replicas, with a gradient."""
    return Sum.apply(value)  # type: ignore[no-any-return, no-untyped-call]


def normalised(norm: nn.BatchNorm2d, images: Tensor) -> Tensor:  # (n, C, H, W), a replica's part
    """Normalises a replica's images (n, C, H, W) over the whole batch.

    Two passes: sums of squares alone would lose what a small variance is.
    """
    plain = images.float()
    seen = plain.new_tensor([plain.numel() / max(1, plain.shape[1])])
    sums = over_all(torch.cat([plain.sum((0, 2, 3)), seen]))
    count = sums[-1].detach()
    mean = sums[:-1] / count
    centred = plain - mean[:, None, None]
    variance = over_all(centred.square().sum((0, 2, 3))) / count
    remember(norm, mean.detach(), (variance * (count / (count - 1))).detach())
    scaled = centred * (torch.rsqrt(variance + norm.eps) * norm.weight)[:, None, None] + norm.bias[:, None, None]
    return scaled.to(images.dtype)


@torch.no_grad()
def remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Moves the running statistics by mean (channels,) and variance (channels,), as torch does."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked += 1
    momentum = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean, momentum)
    norm.running_var.lerp_(variance, momentum)


def dropped(layer: nn.Dropout, group: ProcessGroup, x: Tensor) -> Tensor:
    """Drops values of a replica's part (n, ...) by a draw for the whole batch, so that generators stay together."""
    if not layer.training:
        return x
    whole = torch.ones((group.images, *x.shape[1:]), dtype=x.dtype, device=x.device)
    return x * functional.dropout(whole, layer.p)[group.shard]


@contextmanager
def join(rank: int, size: int, meeting: Path, backend: str) -> Iterator[ProcessGroup]:
    """Waits for the others at ``meeting``, a file that nobody has made yet: no port is opened to be found."""
    store = dist.FileStore(str(meeting), size)  # type: ignore[attr-defined]  # documented there
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    try:
        yield ProcessGroup(rank, size)
    finally:
        dist.destroy_process_group()

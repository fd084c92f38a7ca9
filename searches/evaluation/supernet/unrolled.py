"""The second order of DARTS (arXiv 1806.09055, equations 7 and 8): the gradient of alphas one step of weights ahead."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

EPSILON = 0.01  # of the finite difference, over the length of its direction: as in the paper

Loss = Callable[[], Tensor]


def unrolled(training: Loss, validation: Loss, alphas: Tensor, parameters: Sequence[Tensor], rate: float) -> Tensor:
    """Returns the second-order gradient of alphas (decisions, choices); the losses are scalars.

    The parameters are moved on the way and come back to the bit.
    """
    held = [each.detach().clone() for each in parameters]
    ahead = torch.autograd.grad(training(), parameters, allow_unused=True, retain_graph=True)
    move(parameters, ahead, -rate)
    found: Sequence[Tensor | None] = torch.autograd.grad(
        validation(), [alphas, *parameters], allow_unused=True, retain_graph=True
    )
    slopes = found[1:]
    norm = math.sqrt(sum(float(each.square().sum()) for each in slopes if each is not None))
    epsilon = EPSILON / max(norm, 1e-12)
    differences = []
    for sign in (1.0, -1.0):
        reset(parameters, held)
        move(parameters, slopes, sign * epsilon)
        differences.append(gradient(training, alphas, again=True))
    reset(parameters, held)
    first = torch.zeros_like(alphas) if found[0] is None else found[0]
    return first - rate * (differences[0] - differences[1]) / (2 * epsilon)


def gradient(loss: Loss, alphas: Tensor, *, again: bool = False) -> Tensor:
    """Returns the first-order gradient of alphas, of the same shape; zeros where no draw could differ."""
    (found,) = torch.autograd.grad(loss(), alphas, allow_unused=True, retain_graph=again)
    return torch.zeros_like(alphas) if found is None else found


@torch.no_grad()
def move(parameters: Sequence[Tensor], along: Sequence[Tensor | None], by: float) -> None:
    """Moves each parameter, in place, along a direction of the same shape."""
    for each, direction in zip(parameters, along, strict=True):
        if direction is not None:
            each.add_(direction, alpha=by)


@torch.no_grad()
def reset(parameters: Sequence[Tensor], held: Sequence[Tensor]) -> None:
    """Copies held values, each of the same shape, into the parameters."""
    for each, value in zip(parameters, held, strict=True):
        each.copy_(value)

"""What stops a supernet that collapses into skip connections (RobustDARTS, 1909.09656; DARTS+, 1909.06035)."""

from collections.abc import Callable, Sequence
from math import ceil

import torch
from torch import Tensor

ITERATIONS = 5  # of the power method; the first estimates are within a few percent
DISTANCE = 0.05  # of the finite difference, along a direction of length 1
BACK = 3  # epochs, at least
WINDOW = 3  # epochs that a mean eigenvalue is taken over


def patience(epochs: float) -> int:
    """Returns how many of the epochs in which alphas learn must agree.

    While alphas are nearly equal, the first place is chance, and it is no use to go back to what has hardly learned.
    """
    return max(BACK, ceil(epochs / 3))


def too_many_skips(shares: Sequence[float], most: float, epochs: int) -> str:
    """Says why to stop, or nothing: more of it would only sharpen what is known (DARTS+, arXiv 1909.06035)."""
    last = shares[-epochs:]
    if most >= 1 or len(last) < epochs or min(last) < most:
        return ""
    return f"{epochs} epochs with {min(last):.0%} or more of skip connections"


def sharper(eigenvalues: Sequence[float], growth: float, epochs: int) -> str:
    """Says why to stop and go back by so many epochs, or nothing (RobustDARTS, arXiv 1909.09656)."""
    if not growth or len(eigenvalues) < WINDOW + epochs:
        return ""
    before = sum(eigenvalues[-WINDOW - epochs : -epochs]) / WINDOW
    now = sum(eigenvalues[-WINDOW:]) / WINDOW
    if not now > growth * before > 0:
        return ""
    return (
        f"the dominant eigenvalue of the alphas' Hessian grew from {before:.3g} to {now:.3g}; "
        f"the alphas of {epochs} epochs before are used"
    )


def dominant_eigenvalue(
    gradient: Callable[[Tensor], Tensor], values: Tensor, outside: Tensor, generator: torch.Generator
) -> float:
    """Returns the size of the largest eigenvalue of the loss's Hessian in the alphas (decisions, choices).

    Power iteration over finite differences; its rise announces a collapse (RobustDARTS, arXiv 1909.09656).
    """
    direction = torch.randn(values.shape, generator=generator).masked_fill(outside, 0.0)
    size = 0.0
    for _ in range(ITERATIONS):
        direction = direction / direction.norm().clamp_min(1e-12)
        step = DISTANCE * direction
        product = (gradient(values + step) - gradient(values - step)) / (2 * DISTANCE)
        size = float(product.norm())
        direction = product.masked_fill(outside, 0.0)
    return size

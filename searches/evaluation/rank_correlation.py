"""How well two orders of the same networks agree: Kendall's tau, and how sure so few networks make of it. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.8  # of the interval: one in ten supernets that rank by chance is above 0 all the same
DRAWS = 1000


@dataclass(frozen=True)
class Agreement:
    """Tau with its bootstrap interval of ``LEVEL``."""

    tau: float
    low: float
    high: float


def agreement(first: Sequence[float], second: Sequence[float], random: Random) -> Agreement | None:
    """None where one of the two is constant; a draw of the bootstrap that is so counts as no agreement."""
    found = tau(first, second)
    if found is None:
        return None
    signs, count = (_signs(first), _signs(second)), len(first)
    drawn = sorted(_tau(*signs, np.array(random.choices(range(count), k=count))) or 0.0 for _ in range(DRAWS))
    beyond = round(DRAWS * (1 - LEVEL) / 2)
    return Agreement(found, drawn[beyond], drawn[DRAWS - 1 - beyond])


def tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Kendall's tau-b; None where one of the two is constant."""
    return _tau(_signs(first), _signs(second), np.arange(len(first)))


def _signs(values: Sequence[float]) -> NDArray[np.int64]:
    """Returns the sign of every difference, (networks, networks)."""
    column = np.array(values, dtype=np.float64)
    return np.sign(column[:, None] - column[None, :]).astype(np.int64)


def _tau(first: NDArray[np.int64], second: NDArray[np.int64], rows: NDArray[np.int64]) -> float | None:
    a, b = (signs[np.ix_(rows, rows)] for signs in (first, second))
    pairs = int(np.count_nonzero(a)) * int(np.count_nonzero(b))
    return int((a * b).sum()) / sqrt(pairs) if pairs else None

"""Non-dominated sorting (by moocore, which is hundreds of times quicker than plain numpy) and crowding distance."""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

Losses = Sequence[Sequence[float]] | NDArray[np.float64]  # (points, objectives), all minimised


def matrix(losses: Losses) -> NDArray[np.float64]:
    """Returns losses as a float64 array (points, objectives). Raises ValueError where one is not finite."""
    points = np.asarray(losses, dtype=np.float64)
    if points.size and not np.isfinite(points).all():
        raise ValueError("a loss must be finite; leave failed candidates out")
    return points if points.ndim == 2 else points.reshape(len(points), -1 if len(points) else 0)


def weakly_dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Tells whether the losses of one point are at most those of another in every objective."""
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Tells whether one point is at least as good everywhere and better somewhere."""
    return weakly_dominates(one, other) and not weakly_dominates(other, one)


def ranks(losses: Losses) -> NDArray[np.int64]:
    """Returns the rank of each point, (points,), from losses (points, objectives).

    It is 0 where nothing dominates the point, 1 where only those do, and so on; equal points share a rank.
    """
    points = matrix(losses)
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    if points.shape[1] == 1:
        return np.unique(points[:, 0], return_inverse=True)[1].astype(np.int64)
    return np.asarray(moocore.pareto_rank(points), dtype=np.int64)


def fronts(losses: Losses) -> list[list[int]]:
    """Returns indices of losses (points, objectives), front by front, each in the given order."""
    ranked = ranks(losses)
    return [np.flatnonzero(ranked == rank).tolist() for rank in range(ranked.max(initial=-1) + 1)]


def front(losses: Losses) -> list[int]:
    """Returns indices of the points that no other dominates, in the given order; losses are (points, objectives)."""
    points = matrix(losses)
    if not len(points):
        return []
    return np.flatnonzero(moocore.is_nondominated(points, keep_weakly=True)).tolist()


def crowding(losses: Losses) -> NDArray[np.float64]:
    """Returns the crowding distance of each point of one front, (points,), from losses (points, objectives).

    Deb et al. 2002, section III-B, doi.org/10.1109/4235.996017.
    """
    points = matrix(losses)
    count, objectives = points.shape
    distance = np.zeros(count)
    for column in range(objectives):
        order = np.argsort(points[:, column], kind="stable")
        ordered = points[order, column]
        distance[order[[0, -1]]] = np.inf
        if ordered[-1] > ordered[0]:
            distance[order[1:-1]] += (ordered[2:] - ordered[:-2]) / (ordered[-1] - ordered[0])
    return distance

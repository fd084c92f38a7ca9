"""Hypervolume and the share of it that each point alone holds (moocore).

moocore computes it by dimension sweep (Fonseca et al. 2006, doi.org/10.1109/CEC.2006.1688440).
"""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

from searches.pareto.front import Losses, front, matrix


def hypervolume(losses: Losses, reference: Sequence[float]) -> float:
    """Returns the volume between losses (points, objectives) and the reference; a point beyond it adds nothing."""
    points, bound = inside(losses, reference)
    if not len(points):
        return 0.0
    if len(bound) == 1:
        return float(bound[0] - points.min())
    return float(moocore.hypervolume(points, ref=bound))


def share(losses: Losses, ideal: Sequence[float], reference: Sequence[float]) -> float:
    """Returns the hypervolume as a share (0 to 1) of the box between two points; all three are losses.

    ``losses`` has the shape (points, objectives), the two points have the shape (objectives,).
    """
    if not len(losses):
        return 0.0
    best = np.asarray(ideal, dtype=np.float64)
    scaled = (matrix(losses) - best) / (np.asarray(reference, dtype=np.float64) - best)
    return hypervolume(scaled, [1.0] * len(best))


def contributions(losses: Losses, reference: Sequence[float]) -> NDArray[np.float64]:
    """Returns what the hypervolume loses without each point, (points,); equal points hold nothing alone.

    Losses are (points, objectives). Slow with very many points (seconds at 1,000 points in 4 objectives): ask it of a
    front, not of a history.
    """
    points = matrix(losses)
    share = np.zeros(len(points))
    if not len(points):
        return share
    bound = np.asarray(reference, dtype=np.float64)
    if points.shape[1] > 1:
        return np.asarray(moocore.hv_contributions(points, ref=bound, ignore_dominated=False), dtype=np.float64)
    best = front(points)
    if len(best) == 1:
        others = np.delete(points[:, 0], best[0])
        share[best] = max(0.0, min([bound[0], *others]) - points[best[0], 0])
    return share


def inside(losses: Losses, reference: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the points (inside, objectives) that are below the reference point, and that point (objectives,).

    Raises ValueError where their numbers of objectives differ.
    """
    points, bound = matrix(losses), np.asarray(reference, dtype=np.float64)
    if not len(points):
        return points, bound
    if points.shape[1] != len(bound):
        raise ValueError(f"the reference point has {len(bound)} objectives, but the points have {points.shape[1]}")
    return points[(points < bound).all(axis=1)], bound

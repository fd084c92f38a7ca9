"""Fixed, stratified splits. They depend on the images alone: never on a run, its seed, or the machine."""

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")
SEED = "nas-portal split, version 1"

Rows = NDArray[np.int64]


def stratified(targets: Rows, keys: Sequence[bytes], shares: Sequence[float]) -> list[Rows]:
    """Deals the rows of class numbers (N,) into parts (n,) of the given shares, class by class; equal images stay
    together.

    Equal images in two parts would make a network that memorises look like one that generalises.
    """
    groups: dict[bytes, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    by_class: dict[int, list[list[int]]] = {}
    for rows in groups.values():
        by_class.setdefault(int(targets[rows[0]]), []).append(rows)
    parts: list[list[int]] = [[] for _ in shares]
    for number in sorted(by_class):
        for part, dealt in zip(parts, deal(by_class[number], number, shares), strict=True):
            part += dealt
    return [np.array(sorted(part), dtype=np.int64) for part in parts]


def deal(groups: list[list[int]], number: int, shares: Sequence[float]) -> list[list[int]]:
    """One class into parts: the first is filled last, so that rounding never leaves a later part empty."""
    shuffled = list(groups)
    Random(f"{SEED}/{number}").shuffle(shuffled)
    total = sum(len(rows) for rows in groups)
    parts: list[list[int]] = [[] for _ in shares]
    for index in range(len(shares) - 1, 0, -1):
        wanted = max(1, round(total * shares[index]))
        while shuffled and len(parts[index]) < wanted:
            parts[index] += shuffled.pop()
    parts[0] = [row for rows in shuffled for row in rows]
    return parts


def shares(images: int, dealt: int) -> tuple[float, ...]:
    """Returns the shares of training and of the ``dealt`` parts.

    A small set gives more, or accuracy moves in coarse steps.
    """
    part = 0.2 if images < 10_000 else 0.1
    return (1 - dealt * part, *[part] * dealt)

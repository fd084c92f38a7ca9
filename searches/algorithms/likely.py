"""The points of a product of distributions from the most likely one down, found lazily by best-first search."""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import log

SMALLEST = 1e-9
MOST = 20_000  # points that are kept waiting


def most_likely(probabilities: Sequence[Sequence[float]]) -> Iterator[tuple[int, ...]]:
    """Tuples of choices; equal ones in the order of their choices."""
    logs = [[log(max(value, SMALLEST)) for value in row] for row in probabilities]
    ranked = [sorted(range(len(row)), key=lambda choice: (-row[choice], choice)) for row in logs]
    gaps = [[row[order[0]] - row[choice] for choice in order] for row, order in zip(logs, ranked, strict=True)]
    start = (0,) * len(ranked)
    waiting = [(0.0, start)]
    seen = {start}
    while waiting:
        distance, ranks = heappop(waiting)
        yield tuple(order[rank] for order, rank in zip(ranked, ranks, strict=True))
        for place, rank in enumerate(ranks):
            following = (*ranks[:place], rank + 1, *ranks[place + 1 :])
            if rank + 1 < len(ranked[place]) and following not in seen and len(waiting) < MOST:
                seen.add(following)
                heappush(waiting, (distance - gaps[place][rank] + gaps[place][rank + 1], following))

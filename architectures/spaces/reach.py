"""What a space can reach: the smallest and the largest network by a quantity, and limits that nothing can meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random

from architectures.ir.complexity import complexity
from architectures.spaces.limits import Limits
from architectures.spaces.space import Genotype, Space, SpaceError

STARTS = 4
Measure = Callable[[Space, Genotype], int]

MEASURES: dict[str, Measure] = {
    "params": lambda space, genotype: space.costs(genotype).params,
    "flops": lambda space, genotype: 2 * space.costs(genotype).macs,
    "memory_bytes": lambda space, genotype: complexity(space.decode(genotype)).activation_peak_bytes,
}


def unreachable(space: Space, limits: Limits) -> tuple[SpaceError, ...]:
    """An error for each limit that no network of the space can keep, with the nearest value that one has."""
    return tuple(_unreachable(space, limits))


def _unreachable(space: Space, limits: Limits) -> Iterator[SpaceError]:
    for measure in MEASURES:
        field = f"max_{measure}"
        most = getattr(limits, field)
        if most is not None and most < (least := smallest(space, measure)):
            rule = f"must be at least {least:,}, the smallest that {space.name} can reach here, but is {most:,}"
            yield SpaceError(f"limits.{field}", rule)
    if limits.min_params is not None and limits.min_params > (most := largest(space, "params")):
        rule = f"must be at most {most:,}, the largest that {space.name} can reach here, but is {limits.min_params:,}"
        yield SpaceError("limits.min_params", rule)


@lru_cache(maxsize=256)
def smallest(space: Space, measure: str) -> int:
    """The smallest value of "params", "flops" or "memory_bytes"."""
    return _extreme(space, MEASURES[measure], sign=1)


@lru_cache(maxsize=256)
def largest(space: Space, measure: str) -> int:
    return -_extreme(space, MEASURES[measure], sign=-1)


def _extreme(space: Space, measure: Measure, sign: int) -> int:
    """Descent, one decision at a time, from a few starts: exact where decisions do not work against each other, as
    sizes do not."""
    starts = [space.canonical((0,) * len(space.decisions)), *(space.sample(Random(seed)) for seed in range(STARTS))]
    known: dict[Genotype, int] = {}

    def value(genotype: Genotype) -> int:
        if genotype not in known:
            known[genotype] = sign * measure(space, genotype)
        return known[genotype]

    return min(value(_descend(space, value, start)) for start in starts)


def _descend(space: Space, value: Callable[[Genotype], int], genotype: Genotype) -> Genotype:
    best = value(genotype)
    while True:
        before = best
        for index, decision in enumerate(space.decisions):
            if not space.relevant(genotype)[index]:
                continue
            for choice in range(len(decision.choices)):
                changed = space.canonical((*genotype[:index], choice, *genotype[index + 1 :]))
                if value(changed) < best:
                    genotype, best = changed, value(changed)
                    break  # positions may have moved: the next decision is read from the new genotype
        if best == before:
            return genotype

"""What a space can reach: the smallest and the largest network by a quantity, and limits that nothing can meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random

from architectures.ir.complexity import complexity
from architectures.spaces.limits import QUANTITIES, Bound, Limits
from architectures.spaces.space import Genotype, Space, SpaceError

STARTS = 4
Measure = Callable[[Space, Genotype], int]


def unreachable(space: Space, limits: Limits) -> tuple[SpaceError, ...]:
    """An error for each limit that no network of the space can keep, with the nearest value that one has."""
    upper_first = sorted(limits.bounds, key=lambda bound: not bound.is_most)
    return tuple(error for bound in upper_first for error in _unreachable(space, bound))


def _unreachable(space: Space, bound: Bound) -> Iterator[SpaceError]:
    extreme = (smallest if bound.is_most else largest)(space, bound.quantity)
    if not bound.holds(extreme):
        least, most = ("least", "smallest") if bound.is_most else ("most", "largest")
        rule = f"must be at {least} {extreme:,}, the {most} that {space.name} can reach here, but is {bound.value:,}"
        yield SpaceError(f"limits.{bound.field}", rule)


def measure_of(quantity: str) -> Measure:
    """Returns how a quantity of `QUANTITIES` is counted on a genotype, without its graph where that is possible."""
    if quantity == "params":
        return lambda space, genotype: space.costs(genotype).params
    if quantity == "flops":
        return lambda space, genotype: 2 * space.costs(genotype).macs
    return lambda space, genotype: QUANTITIES[quantity].count(complexity(space.decode(genotype)))


@lru_cache(maxsize=256)
def smallest(space: Space, quantity: str) -> int:
    """The smallest value that a network of the space has of a quantity, such as "params"."""
    return _extreme(space, measure_of(quantity), sign=1)


@lru_cache(maxsize=256)
def largest(space: Space, quantity: str) -> int:
    """The largest value that a network of the space has of a quantity, such as "params"."""
    return -_extreme(space, measure_of(quantity), sign=-1)


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

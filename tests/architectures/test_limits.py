"""Limits before training: what is allowed keeps its frequency, what is impossible is refused with the nearest value."""

from collections import Counter
from itertools import product
from random import Random

import pytest

from architectures.ir.complexity import complexity
from architectures.spaces import Genotype, SpaceError, create
from architectures.spaces.limits import PRESETS, QUANTITIES, Limits
from architectures.spaces.reach import largest, measure_of, smallest, unreachable

SMALL = create(
    "chain",
    (1, 8, 8),
    10,
    max_layers=3,
    widths=(16, 32),
    operations=("conv3x3", "max_pool", "skip_connect"),
    max_skips=1,
)


def every() -> set[Genotype]:
    raw = product(*(range(len(decision.choices)) for decision in SMALL.decisions))
    return {SMALL.canonical(genotype) for genotype in raw}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_smallest_value_is_that_of_an_exhaustive_look(quantity: str):
    values = [measure_of(quantity)(SMALL, genotype) for genotype in every()]
    assert smallest(SMALL, quantity) == min(values)
    assert largest(SMALL, quantity) == max(values)


def test_impossible_limits_are_refused_with_what_the_space_can_reach():
    problems = unreachable(SMALL, Limits(max_params=100, max_flops=1000, max_memory_bytes=64, min_params=10**9))
    assert [problem.field for problem in problems] == [
        "limits.max_params",
        "limits.max_flops",
        "limits.max_memory_bytes",
        "limits.min_params",
    ]
    assert (
        str(problems[0]) == "limits.max_params must be at least 346, the smallest that chain can reach here, but is 100"
    )
    most = largest(SMALL, "params")
    rule = f"must be at most {most:,}, the largest that chain can reach here, but is 1,000,000,000"
    assert str(problems[3]) == f"limits.min_params {rule}"


def test_limits_that_something_meets_are_not_refused():
    assert unreachable(SMALL, Limits(max_params=346)) == ()
    assert unreachable(SMALL, Limits()) == ()
    for preset in PRESETS.values():
        assert unreachable(SMALL, preset) == ()


def test_a_constrained_sample_is_uniform_over_what_is_allowed():
    """Each allowed genotype comes as often as among the unconstrained samples that are allowed."""
    limits = Limits(max_params=6_000, max_flops=500_000)
    free = Counter(SMALL.sample(Random(f"free/{number}")) for number in range(12_000))
    allowed = {genotype: count for genotype, count in free.items() if SMALL.keeps(genotype, limits)}
    assert 0.05 < sum(allowed.values()) / 12_000 < 0.9
    kept = Counter(SMALL.sample(Random(f"kept/{number}"), limits) for number in range(6_000))
    assert all(SMALL.keeps(genotype, limits) for genotype in kept)
    scale = sum(kept.values()) / sum(allowed.values())
    often = [genotype for genotype, count in allowed.items() if count * scale >= 20]
    assert len(often) > 20
    # Pearson's statistic for two samples; its mean is the number of cells, its deviation the root of twice that.
    statistic = sum((kept[g] - scale * allowed[g]) ** 2 / (kept[g] + scale**2 * allowed[g]) for g in often)
    assert statistic < len(often) + 4 * (2 * len(often)) ** 0.5


def test_a_limit_on_memory_is_kept_too():
    limits = Limits(max_memory_bytes=10_000)
    for number in range(20):
        graph = SMALL.decode(SMALL.sample(Random(number), limits))
        assert complexity(graph).activation_peak_bytes <= 10_000


def test_limits_that_nearly_nothing_meets_are_given_up_with_a_way_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("architectures.spaces.space.MOST_DRAWS", 20)
    rule = "limits must be loose enough to be met by one in 20 networks of chain, but none was found: "
    with pytest.raises(SpaceError, match=rule):
        SMALL.sample(Random(1), Limits(max_params=5))


def test_the_presets_say_what_they_are_for():
    assert set(PRESETS) == {"mobile", "edge", "microcontroller", "gpu"}
    mobile = PRESETS["mobile"]
    assert (mobile.max_params, mobile.max_flops) == (5_000_000, 500_000_000)
    assert not mobile.allow(5_000_001, 1)
    assert not mobile.allow(1, 250_000_001)
    assert mobile.allow(5_000_000, 250_000_000)

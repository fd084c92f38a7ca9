"""Limits that a network must keep, checked on its graph before any training.

One more limit is a field of `Limits` here, called `max_` or `min_` and its quantity, and for a new quantity a line of
`QUANTITIES`. Spec, form, command line, API, sampling, and the refusal of what no network can reach follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from architectures.ir.complexity import Complexity
from architectures.options import option, options


class Quantity(NamedTuple):
    """Something to count on a graph; `words` name it in a refusal."""

    words: str
    count: Callable[[Complexity], int]


QUANTITIES: Mapping[str, Quantity] = {
    "params": Quantity("parameters", lambda counted: counted.params),
    "flops": Quantity("FLOPs", lambda counted: counted.flops),
    "memory_bytes": Quantity("bytes of activations", lambda counted: counted.activation_peak_bytes),
}
WITHOUT_GRAPH = ("params", "flops")  # what a space knows of a network before its graph is built
NONE = "no limit"


class Bound(NamedTuple):
    """One limit that is set on a quantity that can be counted."""

    field: str
    quantity: str
    is_most: bool
    value: int

    def holds(self, value: int) -> bool:
        return value <= self.value if self.is_most else value >= self.value


@dataclass(frozen=True)
class Limits:
    """Bounds; None leaves a quantity free. `max_flops` counts two per multiply-add, memory is the activation peak."""

    min_params: int | None = option(
        None, "the network has at least this many parameters", label="parameters, at least", above=0, empty=NONE,
        advanced=True,
    )  # fmt: skip
    max_params: int | None = option(
        None, "the network has at most this many parameters, such as 250K", label="parameters, at most", above=0,
        empty=NONE,
    )  # fmt: skip
    max_flops: int | None = option(
        None, "floating-point operations per image, such as 20M; a multiply-add counts as two",
        label="FLOPs, at most", above=0, empty=NONE,
    )  # fmt: skip
    max_memory_bytes: int | None = option(
        None, "peak of the activations for one image, such as 64K", label="activation memory, at most", unit="bytes",
        above=0, empty=NONE,
    )  # fmt: skip
    max_latency_ms: float | None = option(
        None, "time per image at batch size 1: measured on this machine, estimated for other targets",
        label="latency, at most", unit="ms", above=0, empty=NONE,
    )  # fmt: skip

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The limits that are set and can be counted on a graph."""
        return _bounds(self)

    @property
    def needs_graph(self) -> bool:
        """Says that `allow` alone cannot decide whether a network keeps the limits."""
        return any(bound.quantity not in WITHOUT_GRAPH for bound in self.bounds)

    def allow(self, params: int, macs: int) -> bool:
        """Says whether these counts are within the bounds: the quick question; `violations` says what is wrong."""
        known = {"params": params, "flops": 2 * macs}
        return all(bound.holds(known[bound.quantity]) for bound in self.bounds if bound.quantity in known)

    def violations(self, complexity: Complexity, latency_ms: float | None = None) -> tuple[str, ...]:
        """One sentence per broken limit."""
        broken = [
            (bound, value)
            for bound in self.bounds
            if not bound.holds(value := QUANTITIES[bound.quantity].count(complexity))
        ]
        # Upper bounds first: histories hold these sentences, in this order.
        found = [_sentence(bound, value) for bound, value in sorted(broken, key=lambda each: not each[0].is_most)]
        if self.max_latency_ms is not None and latency_ms is not None and latency_ms > self.max_latency_ms:
            found.append(f"{latency_ms:.3g} ms exceed {self.max_latency_ms:.3g} ms")
        return tuple(found)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Field and message of each upper bound that is below the lower bound of the same quantity."""
        least = {bound.quantity: bound for bound in self.bounds if not bound.is_most}
        for bound in self.bounds:
            other = least.get(bound.quantity)
            if bound.is_most and other and other.value > bound.value:
                rule = f"must be at least limits.{other.field} ({other.value:,})"
                yield bound.field, f"{rule}, but is {bound.value:,}"


COUNTED = tuple(each.name for each in options(Limits) if each.name.partition("_")[2] in QUANTITIES)


@lru_cache(maxsize=256)
def _bounds(limits: Limits) -> tuple[Bound, ...]:
    # Not kept by the instance: a step's options are what stands in it.
    found = [(name, name.partition("_"), getattr(limits, name)) for name in COUNTED]
    return tuple(
        Bound(name, quantity, side == "max", value) for name, (side, _, quantity), value in found if value is not None
    )


def _sentence(bound: Bound, value: int) -> str:
    rule = "exceed" if bound.is_most else "are fewer than"
    return f"{value:,} {QUANTITIES[bound.quantity].words} {rule} {bound.value:,}"


# Weights are counted as float32: 4 bytes per parameter.
PRESETS: Mapping[str, Limits] = {
    "mobile": Limits(max_params=5_000_000, max_flops=500_000_000),  # the "mobile setting" of the ImageNet literature
    "edge": Limits(max_params=2_000_000, max_flops=200_000_000, max_memory_bytes=16 * 2**20),
    # Of 1 MB of flash a quarter is left to the program, of 256 KB of RAM a quarter to its variables.
    "microcontroller": Limits(max_params=192 * 1024, max_flops=60_000_000, max_memory_bytes=192 * 1024),
    "gpu": Limits(max_params=100_000_000, max_flops=20_000_000_000, max_memory_bytes=2 * 2**30),
}

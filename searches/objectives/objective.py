"""What an objective says of itself."""

from typing import ClassVar, Literal, Protocol

from architectures.ir.complexity import Complexity


class Objective(Protocol):
    """A registered objective: a class with these facts, and a count where the graph alone decides the value."""

    title: ClassVar[str]
    unit: ClassVar[str]
    direction: ClassVar[Literal["maximise", "minimise"]]
    is_measured: ClassVar[bool]  # by a clock: two measurements differ
    ideal: ClassVar[float]  # no network is better
    measured_as: ClassVar[str]  # what an evaluator calls its value
    limit: ClassVar[str | None]  # the field of Limits that bounds it
    worst: ClassVar[float | None]  # no network is worse, where such a bound exists

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        """The value of a network, or None where the network has to be trained or run for it."""

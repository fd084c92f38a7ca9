"""What an objective says of itself, with the usual answers: a file of an objective says only what is special."""

from typing import ClassVar, Literal

from architectures.ir.complexity import Complexity


class Objective:
    """A registered objective: a class with these facts, and a count where the graph alone decides the value."""

    title: ClassVar[str]
    measured_as: ClassVar[str]  # what an evaluator calls its value
    unit: ClassVar[str] = ""
    direction: ClassVar[Literal["maximise", "minimise"]] = "minimise"
    is_measured: ClassVar[bool] = False  # by a clock: two measurements differ
    ideal: ClassVar[float] = 0.0  # no network is better
    worst: ClassVar[float | None] = None  # no network is worse, where such a bound exists
    limit: ClassVar[str | None] = None  # the field of Limits that bounds it

    @classmethod
    def is_share(cls) -> bool:
        """Tells whether its values are shares from 0 (worst) to 1 (best), which people read as per cent."""
        return (cls.ideal, cls.worst) == (1.0, 0.0)

    @classmethod
    def display_unit(cls) -> str:
        """Returns the unit as pages write it: "%" for shares, "B" for bytes, else its own."""
        return "%" if cls.is_share() else {"bytes": "B"}.get(cls.unit, cls.unit)

    @staticmethod
    def count(complexity: Complexity) -> float | None:
        """Returns the value of a network, or None where the network has to be trained or run for it."""
        return None

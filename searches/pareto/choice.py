"""Choosing one candidate of a front: by weights, by the knee, by a vote. Page, API and command line call the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot, isfinite
from typing import Any, TypeAlias

from searches import objectives

Entry: TypeAlias = Mapping[str, Any]  # of a front: number, fingerprint, values by objective, as in front.json


class ChoiceError(ValueError):
    """A choice that cannot be made as it was asked for."""


@dataclass(frozen=True)
class SelectionRule:
    """How to choose: ``knee``, ``vote``, or ``weights:accuracy=.7,latency=.3``."""

    how: str
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "SelectionRule":
        """Reads knee, vote or weights:accuracy=.7,latency=.3. Raises ChoiceError where the text is anything else."""
        if text in ("knee", "vote"):
            return cls(text)
        how, colon, listed = text.partition(":")
        if how != "weights" or not colon:
            raise ChoiceError(f"a choice must be knee, vote, or weights:accuracy=.7,latency=.3, but is {text[:60]!r}")
        return cls(how, dict(weight(part) for part in listed.split(",")))

    def check(self, names: Sequence[str]) -> None:
        """Weights must be of these objectives, none below zero, one above it."""
        if self.how == "weights":
            check_weights(self.weights, names)

    def __str__(self) -> str:
        return (
            self.how if self.how != "weights" else "weights:" + ",".join(f"{k}={v:g}" for k, v in self.weights.items())
        )


def weight(part: str) -> tuple[str, float]:
    """Reads a weight such as accuracy=.7. Raises ChoiceError where the value is no number."""
    name, _equals, value = part.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ChoiceError(f"a weight must be written as accuracy=.7, but is {part[:40]!r}") from None


def check_weights(weights: Mapping[str, float], names: Sequence[str]) -> None:
    """Refuses weights that cannot select.

    Raises ChoiceError where one names no objective, is negative, or all are 0.
    """
    unknown = [name for name in weights if name not in names]
    if unknown:
        raise ChoiceError(
            f"a weight names {unknown[0]!r}, which was not measured; the objectives are {', '.join(names)}"
        )
    wrong = [f"{name}={value:g}" for name, value in weights.items() if not (isfinite(value) and value >= 0)]
    if wrong:
        raise ChoiceError(
            f"a weight must be 0 or above, but one is {wrong[0]}; the objective itself says what is better"
        )
    if not any(weights.values()):
        raise ChoiceError("every weight is 0; at least one must be above 0")


def select_best(front: Sequence[Entry], **weights: float) -> Entry:
    """Returns the entry with the highest weighted sum of its values, scaled to 0-1 over the front (1 is best).

    A constant objective adds 0. Ties go to the smallest fingerprint. Raises ChoiceError where the front is empty or a
    weight is wrong.
    """
    if not front:
        raise ChoiceError("no candidate can be selected, because the front is empty")
    check_weights(weights, [name for name in objectives.names() if all(name in entry["values"] for entry in front)])
    scales = {name: scaled(front, name) for name in weights}
    return best(front, lambda index: sum(weights[name] * scales[name][index] for name in weights))


def knee(front: Sequence[Entry], names: Sequence[str]) -> Entry:
    """Returns the entry nearest to the ideal point, scaled to 0-1 over the front; ties by fingerprint.

    Raises ChoiceError where the front is empty.
    """
    if not front:
        raise ChoiceError("no candidate can be selected, because the front is empty")
    scales = [scaled(front, name) for name in names if spread(front, name)]
    return best(front, lambda index: -hypot(*(1 - scale[index] for scale in scales)))


def best(front: Sequence[Entry], score: Callable[[int], float]) -> Entry:
    # Rounded: sums of the same terms may differ in their last bit, and that must not beat the rule for ties.
    index = min(range(len(front)), key=lambda index: (-round(score(index), 12), front[index]["fingerprint"]))
    return front[index]


def scaled(front: Sequence[Entry], name: str) -> list[float]:
    """1 for the best value of the front, 0 for the worst; 0 for all where they are equal."""
    losses = [objectives.loss(name, entry["values"][name]) for entry in front]
    low, high = min(losses), max(losses)
    return [(high - loss) / (high - low) if high > low else 0.0 for loss in losses]


def spread(front: Sequence[Entry], name: str) -> bool:
    return len({entry["values"][name] for entry in front}) > 1

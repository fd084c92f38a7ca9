"""A figure and how it came about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

How = Literal["counted", "measured", "modelled"]


@dataclass(frozen=True)
class Reading:
    value: float | int
    unit: str
    how: How
    details: Mapping[str, object] = field(default_factory=dict)

    def to_document(self) -> dict[str, object]:
        return {"value": self.value, "unit": self.unit, "how": self.how, **self.details}

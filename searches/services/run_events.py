"""What happens to a run from outside its engine, told in the same stream of events."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A run moved to another status: by a user, or by its supervisor."""

    status: str
    by: str = ""
    reason: str = ""

    def to_document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RepositoryRequested:
    """Somebody asked for the repository of a candidate."""

    number: int
    repository: int
    by: str = ""

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

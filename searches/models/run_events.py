"""What happens to a run from outside its engine, in the same stream of events; and all its events in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from searches.engine.events import KINDS, Worded


@dataclass(frozen=True, slots=True)
class StatusChanged(Worded):
    """A run moved to another status: by a user, or by its supervisor."""

    shown_as = "user actions"

    status: str
    by: str = ""
    reason: str = ""

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def sentence(cls, document: Mapping[str, Any]) -> str:
        by = f", by {document['by']}" if document.get("by") else ""
        return f"The run is {document['status']}{by}"


@dataclass(frozen=True, slots=True)
class RepositoryRequested(Worded):
    """Somebody asked for the repository of a candidate."""

    number: int
    repository: int
    by: str = ""

    def to_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def sentence(cls, document: Mapping[str, Any]) -> str:
        return f"A repository of #{document['number']} was requested"


WORDED: Mapping[str, type[Worded]] = {**KINDS, **{each.kind: each for each in (StatusChanged, RepositoryRequested)}}
KEPT: Mapping[str, str] = {kind: each.kept_as for kind, each in KINDS.items() if each.kept_as}


def in_words(kind: str, payload: Mapping[str, Any]) -> str:
    """Returns the sentence of a stored event, or its kind where another version has written it."""
    try:
        return WORDED[kind].sentence(payload)
    except KeyError:
        return kind


def shown_alone() -> list[tuple[str, str]]:
    """Returns the kinds that the page's log can show alone, each with what it calls them."""
    return [(kind, each.shown_as) for kind, each in WORDED.items() if each.shown_as]

"""Rows of the database, one file per kind of thing; the app label stays `searches`, and so do the tables."""

from searches.models import dataset, people, replay
from searches.models.search import (
    Candidate,
    CandidateRepository,
    Evaluation,
    Event,
    Generation,
    Membership,
    Progress,
    Project,
    SearchRun,
    Step,
)

__all__ = [
    "Candidate",
    "CandidateRepository",
    "Evaluation",
    "Event",
    "Generation",
    "Membership",
    "Progress",
    "Project",
    "SearchRun",
    "Step",
    "dataset",
    "people",
    "replay",
]

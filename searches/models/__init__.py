"""Rows of the database, one file per kind of thing; the app label stays `searches`, and so do the tables."""

from searches.models.activity import Activity, SpecTemplate
from searches.models.annotation import NOTE_LENGTH, TAG_LENGTH, Note, Star, Tag
from searches.models.candidate import Candidate, CandidateRepository, Evaluation, Generation, Step
from searches.models.dataset import UploadedDataSet, UploadStatus
from searches.models.event import Event, Progress
from searches.models.notification import Notice, NoticeStatus, NoticeWishes
from searches.models.project import Membership, Project
from searches.models.replay import Replay, ReplayStatus
from searches.models.run import SearchRun

__all__ = [
    "NOTE_LENGTH",
    "TAG_LENGTH",
    "Activity",
    "Candidate",
    "CandidateRepository",
    "Evaluation",
    "Event",
    "Generation",
    "Membership",
    "Note",
    "Notice",
    "NoticeStatus",
    "NoticeWishes",
    "Progress",
    "Project",
    "Replay",
    "ReplayStatus",
    "SearchRun",
    "SpecTemplate",
    "Star",
    "Step",
    "Tag",
    "UploadStatus",
    "UploadedDataSet",
]

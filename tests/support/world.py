"""The one world of the tests: Alice owns the run, Bob edits with her, Vera looks on, Charlie may see nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from searches import services
from searches.engine.search import search
from searches.models import Project, SearchRun
from searches.selectors.history import history_of
from searches.spec import SearchSpec
from searches.supervision import leases
from searches.supervision.leases import Claim
from searches.supervision.recorder import events_record, progress_record
from searches.supervision.row_cache import RowCache
from tests.support.formula import FormulaExecutor

PASSWORD = "correct horse battery"
SPEC = {
    "evaluations": 12,
    "seed": 5,
    "objectives": ["accuracy", "params"],
    "training": {"epochs": 2},
    "algorithm": "random_search",
}


@dataclass(frozen=True)
class World:
    """Four people, a project, a run that waits, and one that is finished."""

    alice: User
    bob: User
    vera: User
    charlie: User
    project: Project
    run: SearchRun
    finished: SearchRun

    @property
    def people(self) -> dict[str, User]:
        return {"owner": self.alice, "editor": self.bob, "viewer": self.vera, "stranger": self.charlie}


@pytest.fixture
def data(tmp_path: Path, settings: Any) -> Path:
    """A data folder of the test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def world(db: None, data: Path) -> World:
    alice, bob, vera, charlie = (user(name) for name in ("alice", "bob", "vera", "charlie"))
    project = services.project_create(owner=alice, name="Digits on a phone")
    services.member_add(project=project, user=bob, role="editor")
    services.member_add(project=project, user=vera, role="viewer")
    finished = services.run_create(project=project, spec=spec(), name="finished", by=alice)
    work(finished)
    run = services.run_create(project=project, spec=spec(), name="waiting", by=alice)
    finished.refresh_from_db()
    return World(alice, bob, vera, charlie, project, run, finished)


def user(name: str) -> User:
    return User.objects.create(username=name, password=hashed_password())


@cache
def hashed_password() -> str:
    """Hashing is slow on purpose; once is enough."""
    return make_password(PASSWORD)


def spec(**changes: Any) -> SearchSpec:
    return SearchSpec.from_document(SPEC | changes)


def claim(run: SearchRun, owner: str = "test/1", seconds: float = 60.0) -> Claim:
    """The run's lease; the run must be claimable."""
    won = leases.run_claim(owner=owner, seconds=seconds, runs_at_once=1000, run_id=run.pk)
    assert won is not None, f"{run} is {run.status} and cannot be claimed"
    return won


def reports_of(run: SearchRun, fails: frozenset[int] = frozenset()) -> Iterator[Any]:
    """What an engine says of the run from its accepted history on, by formula."""
    history = history_of(run)
    if history:
        return search(
            SearchSpec.from_document(run.spec), history=history, executor=FormulaExecutor(fails), folder=run.folder
        )
    reports, files = whole_search(json.dumps(run.spec), fails)
    for name, content in files.items():
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_bytes(content)
    return iter(reports)


@cache
def whole_search(spec: str, fails: frozenset[int]) -> tuple[list[Any], dict[str, bytes]]:
    """The reports of an undisturbed search and the files that it leaves: the same for every test."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        document = SearchSpec.from_document(json.loads(spec))
        reports = list(search(document, executor=FormulaExecutor(fails), folder=folder))
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("*/*")}
    return reports, files


def work(run: SearchRun, *, events: int | None = None, fails: frozenset[int] = frozenset()) -> Claim:
    """Claims the run and commits its engine's events one by one: all of them, or only the first few."""
    held, known = claim(run), RowCache(run.pk)
    for count, report in enumerate(reports_of(run, fails)):
        if count == events:
            break
        if report.kind == "Progress":
            progress_record(run_id=run.pk, token=held.token, reports=[report])
        else:
            events_record(run_id=run.pk, token=held.token, events=[report], known=known)
    return held

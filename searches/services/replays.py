"""What people do with replays: ask, stop, delete; and the background job that answers, in a process of its own."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from nasportal.lib import shutdown
from nasportal.lib.child_process import ROOT, ChildProcess
from nasportal.lib.work_queue import QueueFull
from searches import algorithms
from searches.models import Replay, ReplayStatus
from searches.models.replay import ReplayQuerySet
from searches.tabular.job import FIGURES, QUESTION

SUFFIXES = (".csv", ".csv.gz")
TABLE_BYTES = 64 * 2**20
HEADER_BYTES = 2**16
MOST_REPEATS, MOST_EVALUATIONS = 500, 5_000
LOOK_SECONDS = 0.5
COMMAND = (sys.executable, "-m", "searches.tabular")


def tables_on_server() -> list[str]:
    """Names of the tables in the folder that NASPORTAL_TRUTH_DATA names."""
    if not settings.TRUTH_DATA:
        return []
    return sorted(path.name for path in Path(settings.TRUTH_DATA).glob("*.csv*") if path.name.endswith(SUFFIXES))


def own_tables(owner: AbstractBaseUser) -> QuerySet[Replay]:
    """The replays that hold an uploaded table."""
    return Replay.objects.filter(owner_id=owner.pk, is_on_server=False, table_of=None)


def replay_create(
    *, owner: AbstractBaseUser, table: str, file: UploadedFile[bytes] | None, question: Mapping[str, Any]
) -> Replay:
    """Creates a replay of ``table``, which is `server:NAME` or `own:ID`, or of a file, which goes before it.

    Raises ValidationError, by the form's fields, where too many replays are at work or something entered is wrong.
    """
    replay = Replay(owner_id=owner.pk, question=dict(question))
    replay.table_name, replay.is_on_server, replay.table_of = source(owner, table, file)
    replay.total = question["repeats"] * len(question["algorithms"].split(","))
    with transaction.atomic():
        room(owner)
        replay.save()
        replay.folder.mkdir(parents=True, exist_ok=True)
        try:
            if file is not None:
                take(file, replay.table)
            check(replay)
        except BaseException:
            shutil.rmtree(replay.folder, ignore_errors=True)
            raise
        ring(replay.pk)
    return replay


def room(owner: AbstractBaseUser) -> None:
    """Raises ValidationError at the form's field where the owner has as many benchmarks as one user may have."""
    try:
        Replay.objects.demand_room(owner.pk)
    except QueueFull as full:
        raise ValidationError({"table": str(full)}) from full


def source(owner: AbstractBaseUser, table: str, file: UploadedFile[bytes] | None) -> tuple[str, bool, Replay | None]:
    """Returns the table's name, whether it lies on the server, and the replay that it was uploaded with.

    Raises ValidationError where the file's type or size is not accepted, or there is no such table.
    """
    if file is not None:
        name = Path(file.name or "").name[-100:]
        if not name.lower().endswith(SUFFIXES):
            raise ValidationError({"file": f"A table must be a .csv or .csv.gz file, but this one is {name[:60]!r}."})
        if (file.size or 0) > TABLE_BYTES:
            raise ValidationError({"file": f"A table must have at most {TABLE_BYTES // 2**20} MiB."})
        return "table" + (".csv.gz" if name.lower().endswith(".gz") else ".csv"), False, None
    kind, _, name = table.partition(":")
    if kind == "server" and name in tables_on_server():
        return name, True, None
    if kind == "own" and name.isdecimal() and (there := own_tables(owner).filter(pk=int(name)).first()):
        return there.table_name, False, there
    raise ValidationError({"table": "Select a table, or upload one."})


def take(file: UploadedFile[bytes], path: Path) -> None:
    with path.open("wb") as stream:
        for chunk in file.chunks():
            stream.write(chunk)


def check(replay: Replay) -> None:
    """Refuses columns that the table lacks; the job reports all else. Raises ValidationError where one is missing."""
    columns = columns_of(table_of(replay))
    asked = replay.question
    wanted = {"code": [asked["code"]], "search_on": [asked["search_on"]], "minimise": asked["minimise"]}
    wanted["report"] = [asked["report"]] if asked["report"] else []
    for field, names in wanted.items():
        for name in names:
            if name not in columns:
                known = ", ".join(columns)[:400]
                raise ValidationError({field: f"The table has no column {name[:60]!r}; it has {known}."})


def columns_of(path: Path) -> list[str]:
    """Returns the columns of the header line, read without unpacking the rest.

    Raises ValidationError where it is no csv.
    """
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream:
            line = stream.readline(HEADER_BYTES).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValidationError({"file": f"The file is not valid CSV: {error}."}) from error
    return [name.strip().strip('"') for name in line.strip().split(",")]


def table_of(replay: Replay) -> Path:
    return replay.table_of.table if replay.table_of else replay.table


def ring(pk: int) -> None:
    transaction.on_commit(lambda: async_task("searches.tasks.replay", pk, group="replay", save=False))


def ring_for_next() -> int:
    """Tells the cluster once for each replay that waits and finds a free place on this machine."""
    waiting = Replay.objects.waiting_for_free_places()
    for pk in waiting:
        ring(pk)
    return len(waiting)


def replay_stop(*, replay: Replay) -> bool:
    """Stops a replay: what is known so far stays, and the job sees at its next look that it is not wanted any more."""
    stopped = Replay.objects.filter(pk=replay.pk, status__in=Replay.WITH_WORK)
    return bool(stopped.update(status=ReplayStatus.STOPPED, finished=timezone.now(), lease_until=None))


@transaction.atomic
def replay_delete(*, replay: Replay) -> None:
    """Deletes row and files. Raises ValidationError while another replay of the same upload is not over."""
    if Replay.objects.filter(table_of=replay, status__in=Replay.WITH_WORK).exists():
        raise ValidationError("Another benchmark uses this table. Stop it first.")
    folder = replay.folder
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
    replay.delete()


# The job


def replay_claim(*, pk: int | None = None) -> Replay | None:
    """Claims the replay, or the one whose turn it is; None when none waits or this machine has no free place."""
    those = Replay.objects.select_related("table_of")
    those = those if pk is None else those.filter(pk=pk)
    return those.claim_in_turn(seconds=settings.LEASE_SECONDS, status=ReplayStatus.RUNNING)


def replay_work(*, pk: int | None = None) -> str:
    """One slice of work; a replay that is not done by then rings again and goes on behind its last repeat."""
    replay = replay_claim(pk=pk)
    if replay is None:
        return "nothing to do"
    if not table_of(replay).is_file():
        return end(replay, ReplayStatus.FAILED, reason="The table no longer exists. Upload it again.")
    question = replay.question | {"table": str(table_of(replay))}
    (replay.folder / QUESTION).write_text(json.dumps(question), encoding="utf-8")
    log = replay.folder / "job.log"
    command = [*COMMAND, str(replay.folder)]
    with shutdown.asked_by_sigterm(), ChildProcess(command, log=log, folder=ROOT) as child:
        until = time.monotonic() + settings.SLICE_SECONDS
        for line in child.lines(beat=LOOK_SECONDS):
            if line is not None:
                continue
            if shutdown.is_requested() or time.monotonic() > until:
                return give_back(replay)
            if not tell(replay):
                return "it is not wanted any more"
    if child.process.returncode == 0:
        return end(replay, ReplayStatus.FINISHED)
    reason = figures_of(replay).get("reason") or f"The job ended with exit code {child.process.returncode}."
    return end(replay, ReplayStatus.FAILED, reason=reason)


def tell(replay: Replay) -> bool:
    """Keeps what is known so far; False when the replay was stopped, deleted or claimed by another job."""
    return mine(replay).prolong(replay.lease_token, seconds=settings.LEASE_SECONDS, **known_of(replay))


def mine(replay: Replay) -> ReplayQuerySet:
    return Replay.objects.filter(pk=replay.pk)


def known_of(replay: Replay) -> dict[str, Any]:
    known = figures_of(replay)
    return {"figures": known, "done": known["done"]} if known.get("algorithms") else {}


def figures_of(replay: Replay) -> dict[str, Any]:
    path = replay.folder / FIGURES
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def end(replay: Replay, status: ReplayStatus, *, reason: str = "") -> str:
    ending = {"status": status, "reason": reason[:2000], "finished": timezone.now()}
    mine(replay).release(replay.lease_token, **ending, **known_of(replay))
    return str(status)


def give_back(replay: Replay) -> str:
    if mine(replay).release(replay.lease_token, status=ReplayStatus.QUEUED, **known_of(replay)):
        ring(replay.pk)
    return "given back"


def question_from(entered: Mapping[str, str]) -> dict[str, Any]:
    """Reads the options of `manage.py replay` from a form's fields. Raises ValidationError with all faults at once."""
    faults: dict[str, str] = {}
    names = [name.strip() for name in entered["algorithms"].split(",") if name.strip()]
    known = [name for name in algorithms.names() if not algorithms.needs_training(name)]
    if not names or set(names) - set(known):
        faults["algorithms"] = f"Select at least one of {', '.join(known)}."
    whole = {"repeats": (1, MOST_REPEATS), "seed": (0, 10**9), "lag": (0, 64)}
    numbers: dict[str, Any] = {}
    for field, (least, most) in whole.items():
        numbers[field] = number(entered, field, least, most, faults)
    by_cost = bool(entered["cost"])
    numbers["evaluations"] = number(entered, "evaluations", 1, MOST_EVALUATIONS, faults)
    numbers["budget"] = decimal(entered, "budget", faults) if by_cost else None
    if faults:
        raise ValidationError(dict(faults))
    texts = {"code": entered["code"] or "code", "search_on": entered["search_on"], "report": entered["report"]}
    minimise = [name.strip() for name in entered["minimise"].split(",") if name.strip()]
    fixed = {"workers": 1, "reference": [], "option": [], "cost": entered["cost"] or None}
    return texts | numbers | fixed | {"minimise": minimise, "algorithms": ",".join(names)}


def number(entered: Mapping[str, str], field: str, least: int, most: int, faults: dict[str, str]) -> int:
    text = entered[field]
    if text.isdecimal() and len(text) < 12 and least <= int(text) <= most:
        return int(text)
    faults[field] = f"must be a whole number from {least:,} to {most:,}, but is {text[:20]!r}"
    return least


def decimal(entered: Mapping[str, str], field: str, faults: dict[str, str]) -> float:
    try:
        value = float(entered[field])
    except ValueError:
        value = float("nan")
    if 0 < value < 1e15:
        return value
    faults[field] = f"must be a number above 0 where there is a cost, but is {entered[field][:20]!r}"
    return 1.0

"""What people do with datasets: upload, delete; and what is made of them in the background."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Sum
from django_q.tasks import async_task

from architectures.documents import SpecError
from nasportal.lib import file_storage, rows
from nasportal.lib.child_process import ROOT, ChildProcess, DeadlineReached
from nasportal.lib.work_queue import QueueFull
from searches.evaluation import datasets
from searches.evaluation.datasets.preview import CARD, PICTURE
from searches.evaluation.datasets.reading.resizing import ResizeRule
from searches.models import Evaluation, Project, SearchRun, UploadedDataSet, UploadStatus

SUFFIXES = (".npz", ".zip")
NAME_LENGTH = 100
READ_SECONDS = 600
LEASE_SECONDS, BEAT_SECONDS = 30.0, 2.0  # of the reader of an upload
ATTEMPTS = 3
ASKED = "asked"  # a file beside the portrait
ASK_AGAIN_SECONDS = 120  # for a portrait that was asked for and has not come
MIB = 2**20


def dataset_upload(
    *, project: Project, by: AbstractBaseUser, file: UploadedFile[bytes], name: str, rule: str = "crop", side: str = ""
) -> UploadedDataSet:
    """Keeps the file and has it read; faults of its content stand in the row once it was read.

    Raises ValidationError where the file's type or size is not accepted.
    """
    file_name, size = (file.name or "")[-200:], file.size or 0
    suffix = Path(file_name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValidationError(
            f"A dataset must be an .npz file or a .zip of images, but this file ends in {suffix or 'nothing'!r}."
        )
    if size > settings.UPLOAD_MAX_BYTES:
        raise ValidationError(
            f"A file must have at most {_mib(settings.UPLOAD_MAX_BYTES)}, but this one has {_mib(size)}."
        )
    upload = UploadedDataSet(
        project=project, by_id=by.pk, key=uuid.uuid4().hex, file_name=file_name, stored_bytes=size,
        name=cleaned(name or Path(file_name).stem), resize=resize(rule, side) if suffix == ".zip" else "",
    )  # fmt: skip
    upload.full_clean()
    _take(file, upload.incoming)
    try:
        file_storage.keep(upload.incoming)
        _create(upload)
    except BaseException:
        _remove(upload)
        raise
    return upload


@transaction.atomic
def _create(upload: UploadedDataSet) -> None:
    rows.locked(upload.project)  # two uploads at once: the second sees the first
    try:
        UploadedDataSet.objects.demand_room(upload.by_id or 0)
    except QueueFull as full:
        raise ValidationError(str(full)) from full
    held = upload.project.datasets.aggregate(held=Sum("stored_bytes"))["held"] or 0
    if held + upload.stored_bytes > settings.UPLOAD_QUOTA_BYTES:
        raise ValidationError(
            f"The project's datasets hold {_mib(held)} and this file has {_mib(upload.stored_bytes)}; "
            f"at most {_mib(settings.UPLOAD_QUOTA_BYTES)} are allowed. Delete one that you no longer need."
        )
    upload.save()
    ring(upload.pk)


def ring(pk: int) -> None:
    """Tells the cluster, after the commit, that an upload waits to be read."""
    transaction.on_commit(lambda: async_task("searches.tasks.dataset_read", pk, group="dataset", save=False))


def ring_for_next() -> int:
    """Tells the cluster once for each upload that waits and finds a free place on this machine."""
    waiting = UploadedDataSet.objects.waiting_for_free_places()
    for pk in waiting:
        ring(pk)
    return len(waiting)


def cleaned(name: str) -> str:
    plain = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C")
    return " ".join(plain.split())[:NAME_LENGTH]


def resize(rule: str, side: str) -> str:
    """Returns the user's rule as it stands behind a path. Raises ValidationError where side or rule is wrong."""
    if side and not (side.isdecimal() and len(side) < 6):
        raise ValidationError(f"The side must be a number of pixels, but is {side[:20]!r}.")
    try:
        fit = ResizeRule(rule or "crop", int(side) if side else None)
    except datasets.DataSetError as error:
        raise ValidationError(f"{str(error)[:200].capitalize()}.") from error
    return f"resize={fit.rule}" + (f",side={fit.side}" if fit.side else "")


def _take(file: UploadedFile[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for chunk in file.chunks():
            stream.write(chunk)


def dataset_read(*, pk: int | None = None) -> str:
    """Reads the upload, or the one whose turn it is, in a process of its own; a second call does nothing."""
    those = UploadedDataSet.objects.all() if pk is None else UploadedDataSet.objects.filter(pk=pk)
    upload = those.claim_in_turn(seconds=LEASE_SECONDS)
    if upload is None:
        return "nothing to do"
    mine = UploadedDataSet.objects.filter(pk=upload.pk)
    answer = _answered(upload, lambda: mine.prolong(upload.lease_token, seconds=LEASE_SECONDS))
    changes: dict[str, Any] = {"status": UploadStatus.REFUSED, "reason": answer.get("reason", ""), "stored_bytes": 0}
    if card := answer.get("card"):
        held = sum(file.stat().st_size for file in upload.folder.iterdir())
        file_storage.keep(upload.folder)
        file_storage.keep(upload.portrait)
        changes = {"status": UploadStatus.READY, "card": card, "stored_bytes": held}
    if not mine.release(upload.lease_token, **changes):
        return _given_up(upload)
    upload.incoming.unlink(missing_ok=True)
    file_storage.remove(upload.incoming)
    return str(changes["status"])


def _answered(upload: UploadedDataSet, is_wanted: Callable[[], bool]) -> dict[str, Any]:
    """Reads an upload and returns what the reader says, or why it is not begun (again)."""
    if upload.lease_token > ATTEMPTS:
        return {"reason": f"its reader was killed {ATTEMPTS} times with the whole worker; make its images fewer"}
    if not file_storage.fetch(upload.incoming).exists():
        return {"reason": "its file is gone; upload it again"}
    source = f"{upload.incoming}?{upload.resize}" if upload.resize else str(upload.incoming)
    return _imported(source, upload.portrait, "--into", str(upload.folder), "--name", upload.name, is_wanted=is_wanted)


def _given_up(upload: UploadedDataSet) -> str:
    """Removes what was read of an upload that was deleted meanwhile; another reader's work is left alone."""
    if not UploadedDataSet.objects.filter(pk=upload.pk).exists():
        _remove(upload)
    return "it is not wanted any more"


def _imported(source: str, portrait: Path, *more: str, is_wanted: Callable[[], bool] = lambda: True) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "searches.evaluation.datasets.import_upload",
        source,
        "--portrait",
        str(portrait),
        *more,
    ]
    variables = {"NASPORTAL_DATA": str(settings.DATA_DIR)}
    with tempfile.TemporaryDirectory() as folder:
        try:
            with ChildProcess(command, log=Path(folder) / "log", folder=ROOT, variables=variables) as child:
                answers = []
                for answer in child.documents(beat=BEAT_SECONDS, deadline=READ_SECONDS):
                    if answer is None and not is_wanted():
                        break
                    answers += [answer] if answer else []
        except DeadlineReached:
            return {"reason": f"it was not read within {READ_SECONDS} s; use smaller or fewer images"}
        if not answers:
            said = child.logged().strip()[-300:]
            return {"reason": f"its reader ended with code {child.process.returncode}: {said}"}
        return answers[-1]


@transaction.atomic
def dataset_delete(*, upload: UploadedDataSet) -> None:
    """Deletes a dataset. Raises ValidationError while a run in the project still needs it."""
    needing = SearchRun.objects.with_work().filter(project=upload.project, spec__dataset=upload.reference).count()
    if needing:
        raise ValidationError(f"{needing} of the project's runs still use it. Cancel them, or wait until they end.")
    transaction.on_commit(lambda: _remove(upload))
    UploadedDataSet.objects.filter(pk=upload.pk).delete()


def _remove(upload: UploadedDataSet) -> None:
    for folder in (upload.folder, upload.portrait):
        shutil.rmtree(folder, ignore_errors=True)
        file_storage.remove(folder)
    upload.incoming.unlink(missing_ok=True)
    file_storage.remove(upload.incoming)


def dataset_faults(*, project: Project, dataset: str) -> Iterator[SpecError]:
    """An upload belongs to its project: nobody searches on another team's images by guessing a name."""
    if not datasets.is_upload(dataset):
        return
    key = dataset.partition(":")[2]
    if not project.datasets.filter(key=key, status=UploadStatus.READY).exists():
        yield SpecError("dataset", "is no dataset of this project; select one of its own or a built-in one")


# Portraits of built-in sets: made when somebody first looks


def portrait_folder(name: str) -> Path:
    return Path(settings.DATA_DIR) / "datasets" / "portraits" / name


def portrait_of(name: str) -> dict[str, Any] | None:
    """The card of a built-in set; None while it is being made."""
    folder = portrait_folder(name)
    file_storage.fetch(folder / CARD)
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        portrait_ask(name)
        return None
    return card


def portrait_ask(name: str) -> None:
    mark = portrait_folder(name) / ASKED
    if mark.exists() and time.time() - mark.stat().st_mtime < ASK_AGAIN_SECONDS:
        return
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    async_task("searches.tasks.dataset_portray", name, group="dataset")


def portraits_asked() -> list[datetime]:
    """Lists when each preview was asked for that has neither come nor failed."""
    return [datetime.fromtimestamp(mark.stat().st_mtime, UTC) for mark in _marks()]


def portrait_ring_for_next() -> None:
    """Tells the cluster of a portrait that was asked for and has neither come nor been refused."""
    for mark in _marks()[:1]:
        async_task("searches.tasks.dataset_portray", mark.parent.name, group="dataset")


def _marks() -> list[Path]:
    marks = portrait_folder("*").parent.glob(f"*/{ASKED}")
    return sorted(mark for mark in marks if not (mark.parent / CARD).exists())


def portrait_make(*, name: str) -> str:
    if (portrait_folder(name) / CARD).exists() or name not in datasets.available():
        _unmark(name)
        return "nothing to do"
    answer = _imported(name, portrait_folder(name))
    file_storage.keep(portrait_folder(name) / PICTURE)  # before the card, which says that both are there
    file_storage.keep(portrait_folder(name) / CARD)
    _unmark(name)
    return str(answer.get("reason", "done"))


def _unmark(name: str) -> None:
    (portrait_folder(name) / ASKED).unlink(missing_ok=True)


def test_readings(project: Project, sha256: str) -> int:
    """Counts how often the project's runs have read the test split of these images: each time it is less new."""
    runs = SearchRun.objects.filter(project=project, header__data__sha256=sha256)
    return Evaluation.objects.filter(run__in=runs, test_accuracy__isnull=False).count()


test_readings.__test__ = False  # type: ignore[attr-defined]  # not a test case


def _mib(size: int) -> str:
    return f"{size / MIB:,.0f} MiB"

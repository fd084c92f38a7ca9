"""What people do with datasets: upload, delete; and what is made of them in the background."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
import unicodedata
import uuid
from collections.abc import Iterator
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
from nasportal.lib import file_storage
from nasportal.lib.child_process import ROOT, ChildProcess, DeadlineReached
from searches.evaluation import datasets
from searches.evaluation.datasets.preview import CARD, PICTURE
from searches.evaluation.datasets.reading.resizing import ResizeRule
from searches.models import Evaluation, Project, SearchRun, UploadedDataSet, UploadStatus

SUFFIXES = (".npz", ".zip")
NAME_LENGTH = 100
READ_SECONDS = 600
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
    Project.objects.select_for_update().get(pk=upload.project_id)  # two uploads at once: the second sees the first
    held = upload.project.datasets.aggregate(held=Sum("stored_bytes"))["held"] or 0
    if held + upload.stored_bytes > settings.UPLOAD_QUOTA_BYTES:
        raise ValidationError(
            f"The project's datasets hold {_mib(held)} and this file has {_mib(upload.stored_bytes)}; "
            f"at most {_mib(settings.UPLOAD_QUOTA_BYTES)} are allowed. Delete one that you no longer need."
        )
    upload.save()
    transaction.on_commit(lambda: async_task("searches.tasks.dataset_read", upload.pk, group="dataset"))


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


def dataset_read(*, pk: int) -> str:
    """Reads an upload in a process of its own; a second call for the same upload does nothing."""
    upload = UploadedDataSet.objects.filter(pk=pk, status=UploadStatus.READING).first()
    if upload is None or not file_storage.fetch(upload.incoming).exists():
        return "nothing to do"
    source = f"{upload.incoming}?{upload.resize}" if upload.resize else str(upload.incoming)
    answer = _imported(source, upload.portrait, "--into", str(upload.folder), "--name", upload.name)
    changes: dict[str, Any] = {"status": UploadStatus.REFUSED, "reason": answer.get("reason", ""), "stored_bytes": 0}
    if card := answer.get("card"):
        held = sum(file.stat().st_size for file in upload.folder.iterdir())
        file_storage.keep(upload.folder)
        file_storage.keep(upload.portrait)
        changes = {"status": UploadStatus.READY, "card": card, "stored_bytes": held}
    moved = UploadedDataSet.objects.filter(pk=pk, status=UploadStatus.READING).update(**changes)
    upload.incoming.unlink(missing_ok=True)
    file_storage.remove(upload.incoming)
    if not moved:  # deleted meanwhile
        _remove(upload)
    return str(changes["status"])


def _imported(source: str, portrait: Path, *more: str) -> dict[str, Any]:
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
                answers = [answer for answer in child.documents(deadline=READ_SECONDS) if answer]
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
    mark = portrait_folder(name) / "asked"
    if mark.exists() and time.time() - mark.stat().st_mtime < ASK_AGAIN_SECONDS:
        return
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    async_task("searches.tasks.dataset_portray", name, group="dataset")


def portrait_make(*, name: str) -> str:
    if (portrait_folder(name) / CARD).exists() or name not in datasets.available():
        return "nothing to do"
    answer = _imported(name, portrait_folder(name))
    file_storage.keep(portrait_folder(name) / PICTURE)  # before the card, which says that both are there
    file_storage.keep(portrait_folder(name) / CARD)
    return str(answer.get("reason", "done"))


def test_readings(project: Project, sha256: str) -> int:
    """Counts how often the project's runs have read the test split of these images: each time it is less new."""
    runs = SearchRun.objects.filter(project=project, header__data__sha256=sha256)
    return Evaluation.objects.filter(run__in=runs, test_accuracy__isnull=False).count()


test_readings.__test__ = False  # type: ignore[attr-defined]  # not a test case


def _mib(size: int) -> str:
    return f"{size / MIB:,.0f} MiB"

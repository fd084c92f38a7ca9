"""Pages of a project's datasets: what there is, one dataset, uploading and deleting."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nasportal.lib import file_storage
from nasportal.lib.requests import Request
from searches.evaluation import datasets
from searches.evaluation.datasets.preview import CLASSES, PICTURE
from searches.evaluation.datasets.reading.resizing import RULES
from searches.evaluation.datasets.reading.splits import SPLITS
from searches.models import Project, UploadedDataSet, UploadStatus
from searches.services import datasets as dataset_services
from searches.views.projects import project_context, visible_project


@dataclass(frozen=True)
class ClassRow:
    """A class, its images in each split, and the width of its bar."""

    label: str
    counts: tuple[int, ...]
    share: float  # of the largest class


@require_http_methods(["GET", "HEAD", "POST"])
def dataset_list(request: Request, slug: str) -> HttpResponse:
    """The project's uploads and the built-in datasets, and the form that takes a file."""
    shown = _editable(request, slug) if request.method == "POST" else visible_project(request, slug)
    context = project_context(request, shown, "datasets") | {"rule": "crop", "name": "", "side": ""}
    if request.method == "POST":
        context |= {key: request.POST.get(key, "").strip() for key in ("name", "rule", "side")}
        try:
            upload = _upload(request, shown, context)
        except ValidationError as error:
            context["error"] = " ".join(error.messages)
        else:
            return redirect("searches:dataset", slug=slug, ref=upload.key)
    context |= {
        "uploads": shown.datasets.select_related("by"),
        "built_in": [
            {"name": name, "title": datasets.describe(name), "absence": datasets.absence(name)}
            for name in datasets.names()
        ],
        "rules": RULES,
        "most_bytes": settings.UPLOAD_MAX_BYTES,
    }
    return render(request, "searches/datasets.html", context, status=422 if "error" in context else 200)


def _upload(request: Request, project: Project, entered: dict[str, Any]) -> UploadedDataSet:
    file = request.FILES.get("file")
    if file is None:
        raise ValidationError("Select a file: an .npz with x and y, or a .zip of images with one folder per class.")
    try:
        return dataset_services.dataset_upload(
            project=project,
            by=request.user,
            file=file,
            name=entered["name"],
            rule=entered["rule"],
            side=entered["side"],
        )
    except IntegrityError as error:  # two uploads of one name at the same moment
        raise ValidationError("This project already has a dataset with this name. Enter another name.") from error


@require_safe
def dataset(request: Request, slug: str, ref: str) -> HttpResponse:
    """Shows what one dataset holds; while it is being read the page asks again."""
    shown = visible_project(request, slug)
    context = project_context(request, shown, "datasets") | {"ref": ref, "splits": SPLITS}
    if ref in datasets.names():
        absence = datasets.absence(ref)
        card = None if absence else dataset_services.portrait_of(ref)
        context |= {"title": datasets.describe(ref), "absence": absence, "reference": ref}
    else:
        upload = get_object_or_404(shown.datasets.select_related("by"), key=ref)
        card = upload.card or None
        context |= {"title": upload.name, "upload": upload, "refused": upload.status == UploadStatus.REFUSED}
        context["reference"] = upload.reference
    context["is_reading"] = card is None and not (context.get("absence") or context.get("refused"))
    if card:
        context |= {"card": card, "classes": class_rows(card), "norm": normalisation_rows(card)}
        context["sample_rows"] = min(CLASSES, card["classes"])
        context["test_readings"] = dataset_services.test_readings(shown, card["sha256"])
    return render(request, "searches/dataset_card.html" if request.htmx else "searches/dataset.html", context)


@require_safe
def dataset_samples(request: Request, slug: str, ref: str) -> HttpResponseBase:
    """The picture of training images; nothing while it is being made."""
    shown = visible_project(request, slug)
    path = file_storage.fetch(_portrait(shown, ref) / PICTURE)
    if not path.exists():
        return HttpResponse(status=204)
    return FileResponse(path.open("rb"), content_type="image/png")


def _portrait(project: Project, ref: str) -> Path:
    if ref in datasets.names():
        return dataset_services.portrait_folder(ref)
    return get_object_or_404(project.datasets, key=ref).portrait


@require_POST
def dataset_delete(request: Request, slug: str, ref: str) -> HttpResponse:
    """Deletes an upload with its files."""
    upload = get_object_or_404(_editable(request, slug).datasets, key=ref)
    try:
        dataset_services.dataset_delete(upload=upload)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("searches:dataset", slug=slug, ref=ref)
    messages.success(request, f"The dataset {upload.name} was deleted.")
    return redirect("searches:datasets", slug=slug)


def _editable(request: Request, slug: str) -> Project:
    found = Project.objects.editable_by(request.user).filter(slug=slug).first()
    if found is None:
        raise Http404("no such project")
    return found


def class_rows(card: dict[str, Any]) -> list[ClassRow]:
    """Largest at full width; the order is that of the class numbers."""
    counts = [card["class_counts"][split] for split in SPLITS]
    totals = [sum(each) for each in zip(*counts, strict=True)]
    return [
        ClassRow(label, each, total / max(totals))
        for label, each, total in zip(card["labels"], zip(*counts, strict=True), totals, strict=True)
    ]


def normalisation_rows(card: dict[str, Any]) -> list[tuple[int, float, float]]:
    """Channel, mean and deviation, of pixels from 0 to 1."""
    norm = card["normalisation"]
    return [(number + 1, *pair) for number, pair in enumerate(zip(norm["mean"], norm["std"], strict=True))]

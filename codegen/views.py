"""Pages of generated repositories: how far one is, what the gate says, and the download."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from architectures.ir.json import from_document
from codegen.file_browser import Browser
from codegen.models import Repository, RepositoryStatus
from codegen.passes.fusion import groups
from nasportal.lib.requests import Request


@require_safe
def repositories(request: Request) -> HttpResponse:
    """The user's repositories, the newest first."""
    found = Repository.objects.owned_by(request.user).defer("request", "log", "verdict")[:200]
    return render(request, "codegen/repositories.html", {"repositories": found})


@require_safe
def repository(request: Request, pk: int) -> HttpResponse:
    """One repository; the part that changes is asked for again by htmx until it is over."""
    found = get_object_or_404(Repository.objects.visible_to(request.user), pk=pk)
    context = {
        "repository": found,
        "is_over": found.status in (RepositoryStatus.READY, RepositoryStatus.FAILED),
        "checks": list(checks(found.verdict or {})),
        "archive_name": archive_name(found),
        "waterfall": waterfall(found.verdict or {}),
        "progress": progress(found.progress),
        "origin": found.request.get("provenance", {}),
    }
    return render(request, "codegen/status.html" if request.htmx else "codegen/repository.html", context)


@require_safe
def download(request: Request, pk: int) -> HttpResponse | FileResponse:
    """The archive, whole; its sha256 stands on the page and in the ETag."""
    found = with_archive(request, pk)
    response = FileResponse(found.archive_path.open("rb"), as_attachment=True, filename=archive_name(found))
    response["ETag"] = f'"{found.sha256}"'
    return response


@require_safe
def files(request: Request, pk: int) -> HttpResponse:
    """The files of the archive, one of them with its source."""
    found = with_archive(request, pk)
    browser = Browser.of_archive(found.archive_path, request.GET.get("path", ""))
    return render(request, "codegen/files.html", {"repository": found, "browser": browser})


@require_safe
def certificate(request: Request, pk: int) -> HttpResponse:
    """Shows how each form of the network compares, what was left out, and where it began to differ.

    Raises Http404 where there is no certificate yet.
    """
    found = get_object_or_404(Repository.objects.visible_to(request.user), pk=pk)
    verdict = found.verdict
    if not verdict:
        raise Http404(f"repository {pk} has no certificate yet")
    nodes = verdict.get("first_differences", {})
    context = {
        "repository": found,
        "verdict": {**verdict, "exports": [readable(row) for row in verdict.get("exports", ())]},
        "left_out": [(name, why, nodes.get(name, "")) for name, why in verdict.get("left_out", {}).items()],
        "groups": list(groups(from_document(found.request["architecture"]))) if found.is_single else [],
    }
    return render(request, "codegen/certificate.html", context)


def with_archive(request: Request, pk: int) -> Repository:
    """Returns a repository that the user may see and download. Raises Http404 where it has no archive."""
    found = get_object_or_404(Repository.objects.visible_to(request.user), pk=pk)
    if not found.is_ready or not found.archive_path.is_file():
        raise Http404(f"repository {pk} has no archive")
    return found


def readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the certificate with its differences as text: `4.8e-07`."""
    allowed = row.get("tolerance")
    return {
        **row,
        "largest": f"{row['max_difference']:.1e}",
        "mean": f"{row['mean_difference']:.1e}",
        "allowed": "reported" if allowed is None else f"{allowed:.1e}",
    }


def waterfall(verdict: Mapping[str, Any]) -> dict[str, Any] | None:
    """The measured steps, each with its share of the eager network's time in per cent."""
    measured = verdict.get("benchmark")
    if not measured:
        return None
    return {**measured, "steps": [{**step, "share": min(100, 100 / step["factor"])} for step in measured["steps"]]}


def archive_name(repository: Repository) -> str:
    """A file name of plain letters, whatever the run is called."""
    return f"{slugify(repository.name)[:80] or 'repository'}.zip"


def progress(text: str) -> tuple[int, int] | None:
    """`3 of 14: exporting onnx` as numbers, for the bar."""
    found = re.match(r"(\d+) of (\d+): ", text)
    return (int(found[1]), int(found[2])) if found else None


def checks(verdict: Mapping[str, Any]) -> Iterator[tuple[str, bool, str]]:
    """The gate's checks: name, whether it passed, and what it saw."""
    listed = verdict.get("checks", ())
    for check in listed if isinstance(listed, list) else ():
        yield str(check.get("name", "")), bool(check.get("passed", check.get("ok"))), str(check.get("detail", ""))

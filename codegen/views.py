"""Pages of generated repositories: how far one is, what the gate says, and the download."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from codegen.models import Repository, RepositoryStatus
from codegen.requests import Request


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
        "origin": found.request.get("provenance", {}),
    }
    return render(request, "codegen/status.html" if request.htmx else "codegen/repository.html", context)


@require_safe
def download(request: Request, pk: int) -> HttpResponse | FileResponse:
    """The archive, whole; its sha256 stands on the page and in the ETag."""
    found = get_object_or_404(Repository.objects.visible_to(request.user), pk=pk)
    if not found.is_ready or not found.archive_path.is_file():
        raise Http404(f"repository {pk} has no archive")
    response = FileResponse(found.archive_path.open("rb"), as_attachment=True, filename=archive_name(found))
    response["ETag"] = f'"{found.sha256}"'
    return response


def archive_name(repository: Repository) -> str:
    """A file name of plain letters, whatever the run is called."""
    return f"{slugify(repository.name)[:80] or 'repository'}.zip"


def checks(verdict: Mapping[str, Any]) -> Iterator[tuple[str, bool, str]]:
    """The gate's checks: name, whether it passed, and what it saw."""
    listed = verdict.get("checks", ())
    for check in listed if isinstance(listed, list) else ():
        yield str(check.get("name", "")), bool(check.get("passed", check.get("ok"))), str(check.get("detail", ""))

"""Health for a load balancer, and the pages for what went wrong."""

import os
import sys

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nasportal.lib.work_queue import QueueFull
from nasportal.middleware.nul_bytes import NulInAddress
from nasportal.setup.prepare import missing_migrations


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """The portal can do its work: rows can be read, the schema is this version's, the data folder takes files."""
    faults = {name: fault for name, fault in (("database", _database()), ("data", _data_folder())) if fault}
    document = {"status": "unavailable" if faults else "ok"} | faults
    return JsonResponse(document, status=503 if faults else 200)


def _database() -> str:
    try:
        missing = missing_migrations()
    except DatabaseError as error:
        return f"cannot be read: {error}"
    return f"{missing} migrations are not applied" if missing else ""


def _data_folder() -> str:
    return "" if os.access(settings.DATA_DIR, os.W_OK) else "cannot be written"


_WORDS = {
    400: ("This request could not be read", "Go back, check your entries and send the form again."),
    403: (
        "You do not have access",
        "It belongs to another user, or your form was open for too long. Reload the page and try again.",
    ),
    413: (
        "This request is too large",
        f"A form without its files, or a JSON body, must have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.",
    ),
    429: ("Your queue is full", "Wait until some of your work has ended."),
    404: (
        "Page not found",
        "The page may have been deleted, the address may be wrong, or you may not have access: ask its owner.",
    ),
    500: ("Something went wrong", "The error is in the log of the portal. Saved data is not lost."),
    503: ("The database is not available", "Saved data is not lost. Try again in a minute."),
}


def _failed(request: HttpRequest, status: int, way_out: str = "") -> HttpResponse:
    title, usual = _WORDS[status]
    way_out = way_out or usual
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": f"{title}. {way_out}"}, status=status)
    words = {"status": status, "title": title, "way_out": way_out}
    try:
        return render(request, f"{status}.html", words, status=status)
    except TemplateDoesNotExist:
        return HttpResponse(f"{title}. {way_out}", status=status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400; 413 where Django found the body too large, 429 where a user has too much in a queue."""
    if isinstance(exception, QueueFull):
        return _failed(request, 429, str(exception))
    if isinstance(exception, NulInAddress):
        return _failed(request, 400, str(exception))
    return _failed(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return _failed(request, 403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return _failed(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, and 503 while the database cannot be used: the same request may succeed a little later."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return _failed(request, 503)
    return _failed(request, 500)

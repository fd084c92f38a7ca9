"""What only those see who run the portal: its state, the audit log, the metrics."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nasportal.accounts.models import AuditEntry
from nasportal.admin import state as operations

ENTRIES_ON_A_PAGE = 100
View = Callable[..., HttpResponse]


def administrators_only(view: View) -> View:
    """Hides a page from everybody but administrators: others get a 404."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_superuser:
            raise Http404("for administrators")
        return view(request, *args, **kwargs)

    return guarded


@require_safe
@never_cache
@administrators_only
def state(request: HttpRequest) -> HttpResponse:
    """Queue, leases, workers, disk."""
    return render(request, "nasportal/state.html", {"state": operations.state()})


@require_safe
@never_cache
@administrators_only
def audit(request: HttpRequest) -> HttpResponse:
    """Lists changes with their users, the newest first; filtered by user."""
    entries = AuditEntry.objects.all()
    user = request.GET.get("user", "").strip()
    if user:
        entries = entries.filter(user=user)
    page = Paginator(entries, ENTRIES_ON_A_PAGE).get_page(request.GET.get("page"))
    query = f"user={user}&" if user else ""
    return render(request, "nasportal/audit.html", {"page": page, "user_name": user, "query_without_page": query})


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Shows the metrics to Prometheus with the token, or to an administrator."""
    is_token = operations.is_metrics_token(request.headers.get("Authorization", ""))
    if not is_token and not request.user.is_superuser:
        return HttpResponse("The token NASPORTAL_METRICS_TOKEN is needed.\n", status=401, content_type="text/plain")
    return HttpResponse(operations.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")

"""The parts of a run page that are asked for when they are first seen, as JSON for plots and as HTML for lists."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from nasportal.lib.requests import Request
from searches.models import SearchRun
from searches.selectors import panels
from searches.views.runs import visible_run

PLOTS: Mapping[str, Callable[[SearchRun], dict[str, Any]]] = {
    "timeline": panels.timeline,
    "space": panels.space_use,
    "ladder": panels.ladder,
    "learning": panels.learning,
    "control": panels.control,
}


@require_safe
def plot(request: Request, pk: int, name: str) -> HttpResponse:
    """Returns what a plot of this name draws. Raises Http404 where there is no such plot."""
    if name not in PLOTS:
        raise Http404(f"no plot of a run is named {name!r}")
    return JsonResponse(PLOTS[name](visible_run(request, pk)))


@require_safe
def curves(request: Request, pk: int) -> HttpResponse:
    """Learning curves as small plots of one scale."""
    run = visible_run(request, pk)
    order = request.GET.get("order", "best")
    order = order if order in panels.CURVE_ORDERS else "best"
    shown, total = panels.curves(run, order)
    context = {"run": run, "rows": shown, "total": total, "order": order, "orders": panels.CURVE_ORDERS}
    return render(request, "searches/curves.html", context)


@require_safe
def failures(request: Request, pk: int) -> HttpResponse:
    """Failed candidates by their reason."""
    run = visible_run(request, pk)
    return render(request, "searches/failures.html", {"run": run, "groups": panels.failures(run)})

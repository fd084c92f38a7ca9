"""Pages of replays: check the algorithms against a table whose truth is known."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nasportal.lib.requests import Request
from searches import algorithms
from searches.models import Replay
from searches.services import replays as replay_services

LISTED = 50
DEFAULTS = {
    "table": "", "code": "code", "search_on": "", "report": "", "minimise": "", "cost": "", "budget": "",
    "evaluations": "200", "repeats": "20", "seed": "0", "lag": "0",
    "algorithms": "random_search,regularized_evolution,nsga2",
}  # fmt: skip
PUBLISHED = DEFAULTS | {
    "search_on": "c10_valid_12", "report": "c10_test_200", "cost": "c10_train_time_s * 12/200 * 1.2",
    "budget": "12000", "evaluations": "5000",
}  # fmt: skip
PUBLISHED_TABLE = "nasbench201.csv.gz"


@require_http_methods(["GET", "HEAD", "POST"])
def replays(request: Request) -> HttpResponse:
    """One's replays, and the form that asks for one."""
    tables = replay_services.tables_on_server()
    defaults = PUBLISHED if PUBLISHED_TABLE in tables else DEFAULTS
    context: dict[str, Any] = {"entered": defaults, "faults": {}}
    if request.method == "POST":
        context["entered"] = {name: request.POST.get(name, "").strip() for name in DEFAULTS}
        context["entered"]["algorithms"] = ",".join(request.POST.getlist("algorithms"))
        try:
            replay = _asked(request, context["entered"])
        except ValidationError as error:
            context["faults"] = {field: " ".join(told) for field, told in error.message_dict.items()}
        else:
            return redirect("searches:replay", pk=replay.pk)
    context |= {
        "replays": Replay.objects.filter(owner=request.user).defer("figures")[:LISTED],
        "tables": tables,
        "own": replay_services.own_tables(request.user).only("pk", "table_name", "created")[:LISTED],
        "known": [(name, algorithms.get(name).title) for name in algorithms.names() if _runs_on_tables(name)],
        "chosen": context["entered"]["algorithms"].split(","),
        "most_bytes": replay_services.TABLE_BYTES,
    }
    return render(request, "searches/replays.html", context, status=422 if context["faults"] else 200)


def _runs_on_tables(name: str) -> bool:
    return not algorithms.needs_training(name)


def _asked(request: Request, entered: dict[str, str]) -> Replay:
    question = replay_services.question_from(entered)
    return replay_services.replay_create(
        owner=request.user, table=entered["table"], file=request.FILES.get("file"), question=question
    )


@require_safe
def replay(request: Request, pk: int) -> HttpResponse:
    """Curves and figures of one replay; while it is at work the page asks again."""
    shown = _own(request, pk)
    context = {"replay": shown, "rows": rows_of(shown)}
    return render(request, "searches/replay_state.html" if request.htmx else "searches/replay.html", context)


@require_safe
def replay_figures(request: Request, pk: int) -> HttpResponse:
    """Returns what the plots draw, as `manage.py replay --json` prints it."""
    shown = _own(request, pk)
    told = {"status": shown.status, "question": shown.question, "optimum": None, "algorithms": {}}
    return JsonResponse(told | shown.figures)


@require_POST
def replay_stop(request: Request, pk: int) -> HttpResponse:
    shown = _own(request, pk)
    if not replay_services.replay_stop(replay=shown):
        messages.info(request, f"The benchmark is already {shown.get_status_display()}.")
    return redirect("searches:replay", pk=pk)


@require_POST
def replay_delete(request: Request, pk: int) -> HttpResponse:
    try:
        replay_services.replay_delete(replay=_own(request, pk))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("searches:replay", pk=pk)
    return redirect("searches:replays")


def _own(request: Request, pk: int) -> Replay:
    return get_object_or_404(Replay, pk=pk, owner=request.user)


def rows_of(replay: Replay) -> list[dict[str, Any]]:
    """A row an algorithm, the best first; an algorithm that found nothing says why."""
    found = [{"name": name} | figures for name, figures in replay.figures.get("algorithms", {}).items()]
    return sorted(found, key=lambda row: -row.get("report_mean", float("-inf")))

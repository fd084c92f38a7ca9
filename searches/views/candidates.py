"""Pages of candidates: the table of a run, one architecture, two to six side by side, and asking for a repository."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from codegen import licences
from codegen.repository_request import RequestError
from nasportal.lib.requests import Request
from searches import services
from searches.models import Candidate, Evaluation, SearchRun, Star, Tag
from searches.selectors.candidate import Architecture
from searches.selectors.candidate_comparison import Comparison
from searches.selectors.extrapolation import extrapolated
from searches.selectors.metrics import Measure, figures_of, measures_of
from searches.selectors.repository_request import NothingToDeliver, lack_of
from searches.selectors.run_comparison import RunComparison
from searches.selectors.selection import front_of, prices, reasons
from searches.views.runs import may_edit, visible_run

ROWS_ON_A_PAGE = 25
COMPARED_AT_LEAST, COMPARED_AT_MOST = 2, 6
TAGS_AT_MOST = 8  # beside the table; the API filters by any
OFFERED_AT_MOST = 50  # further runs for a comparison
SHOWN: Mapping[str, dict[str, Any]] = {"all": {}, "front": {"is_on_front": True}, "failed": {"status": "failed"}}
COLUMNS = {
    "number": "number",
    "generation": "candidate__generation",
    "params": "candidate__params",
    "flops": "candidate__macs",
    "memory": "candidate__memory_bytes",
    "accuracy": "accuracy",
    "epochs": "fidelity",
    "seconds": "seconds",
    "convergence": "timing__convergence_epochs",
    "test": "test_accuracy",
}


@require_safe
def candidates(request: Request, pk: int) -> HttpResponse:
    """The table of evaluations, sorted and paged here: a run may have 100,000 of them."""
    run = visible_run(request, pk)
    measures = measures_of(run.spec)
    sort, shown = request.GET.get("sort", "-accuracy"), request.GET.get("show", "all")
    marks = marked(run, request.user)
    shown = shown if shown in {**SHOWN, **marks} else "all"
    rows = ordered(run.evaluations.filter(candidate__isnull=False, **{**SHOWN, **marks}[shown]), sort, measures)
    told = extrapolated(run)
    page = Paginator(rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "run": run,
        "measures": measures,
        "page": page,
        "rows": [
            (row, figures_of(row.candidate, row.values, measures, row.timing), told.get(row.number))
            for row in page
            if row.candidate
        ],
        "sort": sort,
        "shown": shown,
        "shows": (
            ("all", "All"),
            ("front", "Front"),
            ("failed", f"Failed ({run.evaluations_failed})"),
            *((name, name.removeprefix("tag:").capitalize()) for name in marks),
        ),
    }
    return render(request, "searches/candidates_table.html" if request.htmx else "searches/candidates.html", context)


def marked(run: SearchRun, user: User) -> dict[str, dict[str, Any]]:
    """Filters by the user's own stars and the team's tags, as far as there are any."""
    found: dict[str, dict[str, Any]] = {}
    if Star.objects.filter(run=run, user=user, candidate__isnull=False).exists():
        found["starred"] = {"candidate__stars__user": user}
    tags = Tag.objects.filter(run=run, candidate__isnull=False).values_list("name", flat=True)
    return found | {f"tag:{name}": {"candidate__tags__name": name} for name in tags.distinct()[:TAGS_AT_MOST]}


def ordered(rows: QuerySet[Evaluation], sort: str, measures: tuple[Measure, ...]) -> QuerySet[Evaluation]:
    """Sorts by a column of the table (`-accuracy`: best first); what has no value stands last."""
    name = sort.removeprefix("-")
    measured = {measure.name: f"values__{measure.name}" for measure in measures}
    column = (measured | COLUMNS).get(name, "number")
    order = F(column).desc(nulls_last=True) if sort.startswith("-") else F(column).asc(nulls_last=True)
    return rows.select_related("candidate").defer("line", "files", "candidate__graph").order_by(order, "number")


def _found(request: Request, pk: int, number: int) -> tuple[SearchRun, Candidate]:
    run = visible_run(request, pk)
    return run, get_object_or_404(run.candidates.select_related("run"), number=number)


@require_safe
def panel(request: Request, pk: int, number: int) -> HttpResponse:
    """The chosen candidate beside the plot: figures, drawing, and why this one."""
    run, candidate = _found(request, pk, number)
    measures = measures_of(run.spec)
    architecture = Architecture.of(candidate)
    front = front_of(run)
    entry = next((each for each in front if each["number"] == number), None)
    context = {
        "run": run,
        "candidate": candidate,
        "evaluation": architecture.evaluation,
        "figures": figures_of(candidate, architecture.values, measures, architecture.timing),
        "drawing": architecture.drawing,
        "on_front": entry is not None,
        "reasons": reasons(front, entry, run.spec["objectives"]) if entry else (),
        "prices": prices(front, entry, run.spec["objectives"]) if entry else (),
        "may_edit": may_edit(request, run),
        "repository": architecture.repository,
        "lack": lack_of(candidate),
    }
    return render(request, "searches/panel.html", context)


@require_safe
def candidate(request: Request, pk: int, number: int) -> HttpResponse:
    """The architecture page."""
    run, shown = _found(request, pk, number)
    measures = measures_of(run.spec)
    architecture = Architecture.of(shown)
    front = front_of(run)
    context = {
        "run": run,
        "candidate": shown,
        "architecture": architecture,
        "evaluation": architecture.evaluation,
        "told": extrapolated(run).get(number),
        "figures": figures_of(shown, architecture.values, measures, architecture.timing),
        "drawing": architecture.drawing,
        "curves": architecture.curves,
        "place": architecture.place(front, run.spec["objectives"]),
        "may_edit": may_edit(request, run),
        "repository": architecture.repository,
        "lack": lack_of(shown),
    }
    return render(request, "searches/candidate.html", context)


@require_safe
def compare(request: Request, pk: int) -> HttpResponse:
    """Two to six candidates side by side (`?n=3&n=18`)."""
    run = visible_run(request, pk)
    numbers = dict.fromkeys(int(each) for each in request.GET.getlist("n") if each.isdecimal() and len(each) < 10)
    found = list(run.candidates.filter(number__in=list(numbers)[:COMPARED_AT_MOST]).select_related("run"))
    found.sort(key=lambda each: list(numbers).index(each.number))
    context = {"run": run, "left_out": max(0, len(numbers) - COMPARED_AT_MOST), "front": front_of(run)}
    if len(found) >= COMPARED_AT_LEAST:
        context["comparison"] = Comparison.of(found, measures_of(run.spec))
    return render(request, "searches/compare.html", context)


@require_safe
def compare_runs(request: Request) -> HttpResponse:
    """The fronts of two to six runs in one plot (`?run=3&run=4`), and the runs that may be added."""
    wanted = dict.fromkeys(int(each) for each in request.GET.getlist("run") if each.isdecimal() and len(each) < 19)
    visible = SearchRun.objects.visible_to(request.user).select_related("project")
    found = {run.pk: run for run in visible.filter(pk__in=list(wanted)[:COMPARED_AT_MOST])}
    runs = tuple(found[pk] for pk in wanted if pk in found)
    others = visible.exclude(pk__in=found).filter(front_size__gt=0)
    if runs:
        others = others.filter(project=runs[0].project_id)
    elif slug := request.GET.get("project"):
        others = others.filter(project__slug=slug)
    context = {"runs": runs, "others": others[:OFFERED_AT_MOST], "most": COMPARED_AT_MOST}
    if len(runs) >= COMPARED_AT_LEAST:
        context["comparison"] = RunComparison(runs)
    return render(request, "searches/compare_runs.html", context)


@require_POST
def repository(request: Request, pk: int, number: int) -> HttpResponse:
    """Asks for the repository of a candidate, and leads to it."""
    run = get_object_or_404(SearchRun.objects.visible_to(request.user), pk=pk)
    chosen = get_object_or_404(run.candidates, number=number)
    licence = request.POST.get("licence", licences.DEFAULT)
    try:
        asked = services.repository_request(candidate=chosen, by=request.user, licence=licence)
    except (NothingToDeliver, RequestError) as error:
        messages.warning(request, str(error))
        return redirect("searches:candidate", pk=pk, number=number)
    return redirect("codegen:repository", pk=asked.pk)

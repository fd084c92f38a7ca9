"""Pages that lead to runs: home, projects, one project, search. Verbs are in `services`, reads on the querysets."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nasportal.lib.requests import Request
from searches import services
from searches.filters import RunFilter
from searches.models import Activity, Candidate, Project, SearchRun, Star, Tag
from searches.models.status import WITH_WORK, Status
from searches.presets import PRESETS
from searches.spec import SearchSpec
from searches.views.projects import project_context, visible_project

RUNS_ON_A_PAGE = 50
LATEST = 15
TAGS_TO_CHOOSE = 50
FOUND_AT_MOST = 30
EXAMPLE = "Example: digits"


@require_safe
def home(request: Request) -> HttpResponse:
    """Shows what is running and what came out lately, in all projects that the user sees."""
    visible = SearchRun.objects.visible_to(request.user)
    context = listed(request, visible, LATEST) | {"with_project": True}
    if request.htmx:
        return render(request, "searches/runs_table.html", context)
    projects = Project.objects.visible_to(request.user)
    context |= {
        "counts": visible.counted(),
        "projects": projects.with_counts()[:8],
        "activity": Activity.objects.filter(project__in=projects).select_related("project")[:8],
    }
    return render(request, "searches/home.html", context)


def listed(request: Request, runs: QuerySet[SearchRun], on_a_page: int) -> dict[str, Any]:
    """A filtered page of runs, and what its table needs."""
    query = request.GET.copy()
    query.pop("page", None)
    for name in [name for name, value in query.items() if not value]:
        del query[name]  # a form sends its empty fields, too
    chosen = RunFilter(query, queryset=runs, request=request)
    found = chosen.qs if chosen.is_valid() else runs.none()
    light = found.select_related("project", "created_by").defer("header", "selection", "traceback")
    page = Paginator(light.prefetch_related("tags"), on_a_page).get_page(request.GET.get("page"))
    shown = list(page)
    stars = Star.objects.filter(user=request.user, run__in=shown, candidate=None)
    return {
        "runs": shown,
        "page": page,
        "query_without_page": f"{query.urlencode()}&" if query else "",
        "is_live": any(run.status in WITH_WORK for run in shown),
        "is_filtered": any(query.get(name) for name in RunFilter.base_filters),
        "chosen_filters": query,
        "statuses": Status.choices,
        "tags": Tag.objects.filter(run__in=runs, candidate=None)
        .values_list("name", flat=True)
        .distinct()[:TAGS_TO_CHOOSE],
        "starred_runs": set(stars.values_list("run_id", flat=True)),
        "refresh": request.get_full_path(),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def projects(request: Request) -> HttpResponse:
    """The list of projects, and the form that adds one."""
    context: dict[str, Any] = {"name": "", "error": ""}
    if request.method == "POST":
        context["name"] = request.POST.get("name", "")
        try:
            project = services.project_create(owner=request.user, name=context["name"])
        except ValidationError as error:
            context["error"] = " ".join(error.messages)
        else:
            return redirect("searches:project", slug=project.slug)
    context["projects"] = Project.objects.visible_to(request.user).with_counts().select_related("owner")
    return render(request, "searches/projects.html", context, status=422 if context["error"] else 200)


@require_safe
def project(request: Request, slug: str) -> HttpResponse:
    """The runs of a project."""
    shown = visible_project(request, slug)
    context = listed(request, SearchRun.objects.filter(project=shown), RUNS_ON_A_PAGE)
    context |= project_context(request, shown, "runs")
    return render(request, "searches/runs_table.html" if request.htmx else "searches/project.html", context)


@require_POST
def project_delete(request: Request, slug: str) -> HttpResponse:
    """Deletes a project with its runs; only its owner may."""
    project = get_object_or_404(Project.objects.owned_by(request.user), slug=slug)
    try:
        services.project_delete(project=project)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("searches:project", slug=slug)
    messages.success(request, f"The project {project.name} was deleted.")
    return redirect("searches:projects")


@require_safe
def find(request: Request) -> HttpResponse:
    """Projects and runs by name; `#118` finds the candidates of that number."""
    query = " ".join(request.GET.get("q", "").split())
    context: dict[str, Any] = {"query": query, "with_project": True}
    if query:
        context["projects"] = Project.objects.visible_to(request.user).with_counts().filter(name__icontains=query)[:12]
        context["runs"] = _listed(SearchRun.objects.visible_to(request.user).filter(name__icontains=query))[
            :FOUND_AT_MOST
        ]
        number = query.removeprefix("#")
        if number.isdecimal() and len(number) < 10:
            found = Candidate.objects.visible_to(request.user).filter(number=int(number)).select_related("run__project")
            context["candidates"] = found.order_by("-run_id")[:12]
    return render(request, "searches/find.html", context)


@require_POST
def example(request: Request) -> HttpResponse:
    """Starts the example search: real digits, real training, about two minutes."""
    home_project = Project.objects.owned_by(request.user).filter(slug__startswith="examples").first()
    home_project = home_project or services.project_create(owner=request.user, name="Examples")
    spec = SearchSpec.from_document(PRESETS["quick"].document)
    run = services.run_create(project=home_project, spec=spec, name=EXAMPLE, by=request.user)
    return redirect("searches:run", pk=run.pk)


def _listed(runs: QuerySet[SearchRun]) -> Any:
    """Runs as a list shows them: without the columns that are only large."""
    light = runs.select_related("project", "created_by").prefetch_related("tags")
    return light.defer("header", "selection", "traceback")

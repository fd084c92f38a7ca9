"""Pages that lead to runs: home, projects, one project, search. Verbs are in `services`, reads on the querysets."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from codegen.requests import Request
from searches import services
from searches.models import Candidate, Project, SearchRun
from searches.presets import PRESETS
from searches.spec import SearchSpec
from searches.status import WITH_WORK

RUNS_ON_A_PAGE = 50
FOUND_AT_MOST = 30
EXAMPLE = "Example: digits"


@require_safe
def home(request: Request) -> HttpResponse:
    """What is running and what came out lately."""
    runs = _listed(SearchRun.objects.visible_to(request.user))[:12]
    context = {
        "runs": runs,
        "with_project": True,
        "is_live": any(run.status in WITH_WORK for run in runs),
        "projects": Project.objects.visible_to(request.user).with_counts()[:8],
        "refresh": request.path,
    }
    return render(request, "searches/runs_table.html" if request.htmx else "searches/home.html", context)


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
    shown = get_object_or_404(Project.objects.visible_to(request.user), slug=slug)
    runs = _listed(SearchRun.objects.filter(project=shown))
    context = {
        "project": shown,
        "runs": runs[:RUNS_ON_A_PAGE],
        "runs_count": runs.count(),
        "runs_on_a_page": RUNS_ON_A_PAGE,
        "is_live": runs.with_work().exists(),
        "may_edit": Project.objects.editable_by(request.user).filter(pk=shown.pk).exists(),
        "refresh": request.path,
    }
    return render(request, "searches/runs_table.html" if request.htmx else "searches/project.html", context)


@require_POST
def project_delete(request: Request, slug: str) -> HttpResponse:
    """Deletes a project with its runs; only its owner may."""
    doomed = get_object_or_404(Project.objects.owned_by(request.user), slug=slug)
    try:
        services.project_delete(project=doomed)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("searches:project", slug=slug)
    messages.success(request, f"The project {doomed.name} was deleted.")
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
    return runs.select_related("project", "created_by").defer("header", "selection", "traceback")

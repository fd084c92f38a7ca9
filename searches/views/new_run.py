"""The new-run form: drawing it, judging it as one types, and starting the run."""

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from architectures.documents import SpecErrors
from nasportal.lib.requests import Request
from nasportal.lib.work_queue import QueueFull
from searches import services
from searches.evaluation import datasets
from searches.forms import RunForm
from searches.forms.run_form import uploads_of
from searches.models import Project, SearchRun
from searches.presets import PRESETS
from searches.selectors.estimate import estimate
from searches.spec import SearchSpec


def _project(request: Request, slug: str) -> Project:
    return get_object_or_404(Project.objects.editable_by(request.user), slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
def new_run(request: Request, slug: str) -> HttpResponse:
    """The form, filled in with values that work; sent in, a run or the form with what is wrong."""
    project = _project(request, slug)
    if request.method != "POST":
        return _page(request, project, _initial(request, project))
    if "fill" in request.POST:
        return _filled(request, project)
    form = RunForm(request.POST, project=project, by=request.user)
    if form.spec is None:
        return _page(request, project, form, status=422)
    if "save_template" in request.POST:
        template = services.template_save(project=project, name=form.run_name, spec=form.spec, by=request.user)
        messages.success(request, f"{template.name} was saved as a template of this project.")
        return redirect(f"{reverse('searches:run-new', args=[slug])}?template={template.pk}")
    try:
        run = services.run_create(project=project, spec=form.spec, name=form.run_name, by=request.user)
    except QueueFull as full:
        messages.warning(request, str(full))
        return _page(request, project, form, status=429)
    return redirect("searches:run", pk=run.pk)


def _filled(request: Request, project: Project) -> HttpResponse:
    """The form of a spec that was pasted; without one that can be read, the form as it was."""
    try:
        spec = SearchSpec.from_document(json.loads(request.POST.get("pasted", "")))
    except SpecErrors as error:
        fault = str(error)
    except (ValueError, RecursionError):
        fault = "This is not JSON: copy the whole spec, from its first brace to its last."
    else:
        return _page(request, project, _of_spec(request, project, spec, request.POST.get("name", "")))
    return _page(request, project, RunForm(request.POST, project=project, by=request.user), 422, fault)


def _of_spec(request: Request, project: Project, spec: SearchSpec, name: str) -> RunForm:
    return RunForm.of_spec(spec, name, project=project, by=request.user)


@require_POST
def check(request: Request, slug: str) -> HttpResponse:
    """Returns what the spec says to the form as it stands: faults by field, the estimate, the document."""
    form = RunForm(request.POST, project=_project(request, slug), by=request.user)
    context = _foreseen(form)
    return JsonResponse(
        {
            "errors": form.faults,
            "stray": form.stray,
            "estimate": render_to_string("searches/estimate.html", context),
            "spec": context["spec_text"],
        }
    )


def _initial(request: Request, project: Project) -> RunForm:
    """The defaults, a preset of the query, a template of the project, or the spec of a run that the user may see."""
    spec, name = _start(request, project)
    return _of_spec(request, project, spec, name)


def _start(request: Request, project: Project) -> tuple[SearchSpec, str]:
    """The spec that the query names, and a name for the run."""
    if kept := request.GET.get("template", ""):
        template = get_object_or_404(project.templates, pk=int(kept) if kept.isdecimal() and len(kept) < 19 else 0)
        return SearchSpec.from_document(template.spec), template.name
    if clone := request.GET.get("clone", ""):
        runs = SearchRun.objects.visible_to(request.user)
        run = get_object_or_404(runs, pk=int(clone) if clone.isdecimal() and len(clone) < 19 else 0)
        return SearchSpec.from_document(run.spec), f"{run.name} (changed)"
    chosen = request.GET.get("preset", "")
    if chosen and chosen not in PRESETS:
        raise Http404(f"no preset is named {chosen!r}")
    preset = PRESETS.get(chosen)
    document = preset.document if preset else {}
    if wanted := request.GET.get("dataset", ""):
        if wanted not in datasets.available() and wanted not in [name for name, _ in uploads_of(project)]:
            raise Http404(f"no dataset is named {wanted[:80]!r}")
        return SearchSpec.from_document({**document, "dataset": wanted}), "First look"
    return SearchSpec.from_document(document), preset.title if preset else "Digits, first look"


def _foreseen(form: RunForm) -> dict[str, Any]:
    """Returns what stands at the right of the form: what will happen, and the spec as JSON."""
    spec = form.spec
    document = spec.to_document() if spec else form.document
    return {
        "estimate": estimate(spec) if spec else None,
        "problems": sum(map(len, form.faults.values())),
        "spec_text": json.dumps(document, indent=2, ensure_ascii=False),
    }


def _page(request: Request, project: Project, form: RunForm, status: int = 200, paste_fault: str = "") -> HttpResponse:
    context = {
        "project": project,
        "form": form,
        "presets": PRESETS,
        "templates": project.templates.only("pk", "name"),
        "current_template": request.GET.get("template", ""),
        "paste_fault": paste_fault,
        "pasted": request.POST.get("pasted", ""),
        "current_preset": request.GET.get("preset", ""),
    } | _foreseen(form)
    return render(request, "searches/new_run.html", context, status=status)

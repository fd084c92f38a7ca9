"""Repositories before they are made: the files of a candidate's, and a bundle of several points of a front."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from codegen.bundle import NAMES
from codegen.file_browser import Browser
from codegen.licences import LICENCES
from codegen.repository_request import RequestError
from codegen.sources.repository import sources
from nasportal.lib.requests import Request
from searches import services
from searches.models import SearchRun
from searches.selectors.repository_request import NothingToDeliver, request_of
from searches.views.runs import visible_run


@require_safe
def files(request: Request, pk: int, number: int) -> HttpResponse:
    """Shows what the repository will hold, printed now; weights, exports and the certificate are made on asking."""
    run = visible_run(request, pk)
    candidate = get_object_or_404(run.candidates.select_related("run"), number=number)
    licence = request.GET.get("licence", "")
    try:
        asked = request_of(candidate, request.user.get_username(), licence if licence in LICENCES else "MIT")
    except NothingToDeliver as error:
        messages.warning(request, str(error))
        return redirect("searches:candidate", pk=pk, number=number)
    context = {
        "run": run,
        "candidate": candidate,
        "browser": Browser.of(sources(asked, asked.graph, asked.exports).files, request.GET.get("path", "model.py")),
        "licences": LICENCES.items(),
        "licence": asked.licence,
        "exports": asked.exports,
    }
    return render(request, "searches/candidate_files.html", context)


@require_POST
def bundle(request: Request, pk: int) -> HttpResponse:
    """Asks for one archive with the candidates `n` as variants, and leads to it."""
    run = get_object_or_404(SearchRun.objects.visible_to(request.user), pk=pk)
    wanted = {int(each) for each in request.POST.getlist("n") if each.isdecimal() and len(each) < 10}
    chosen = list(run.candidates.filter(number__in=wanted).order_by("number").select_related("run")[: max(NAMES) + 1])
    try:
        asked = services.bundle_request(run=run, candidates=chosen, by=request.user)
    except (NothingToDeliver, RequestError) as error:
        messages.warning(request, str(error))
        numbers = "&".join(f"n={each.number}" for each in chosen)
        return redirect(f"{reverse('searches:compare', args=[pk])}?{numbers}")
    return redirect("codegen:repository", pk=asked.pk)

"""The profile of an architecture: what each layer costs, what bounds it, and how targets and devices compare."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from nasportal.lib.requests import Request
from searches.selectors.profile import Profile
from searches.views.runs import visible_run


@require_safe
def profile(request: Request, pk: int, number: int) -> HttpResponse:
    """`?target=phone` draws the roofline of another target than the run's."""
    run = visible_run(request, pk)
    candidate = get_object_or_404(run.candidates.select_related("run__project"), number=number)
    shown = Profile.of(candidate, request.GET.get("target", run.spec["target"]), request.user)
    return render(request, "profiling/profile.html", {"run": run, "candidate": candidate, "profile": shown})

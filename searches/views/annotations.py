"""What people add to a run or a candidate on its page: the note, the tags, their star. htmx gets the part anew."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from nasportal.lib.requests import Request
from searches.models import SearchRun
from searches.services import annotations
from searches.services.annotations import Target
from searches.templatetags.annotations import annotations_of


def _target(request: Request, pk: int, number: int | None, *, to_edit: bool) -> Target:
    runs = SearchRun.objects.editable_by(request.user) if to_edit else SearchRun.objects.visible_to(request.user)
    run = get_object_or_404(runs.select_related("project"), pk=pk)
    return run if number is None else get_object_or_404(run.candidates.select_related("run__project"), number=number)


@require_POST
def note(request: Request, pk: int, number: int | None = None) -> HttpResponse:
    """Saves the note; what somebody else wrote in the meantime is not overwritten."""
    target = _target(request, pk, number, to_edit=True)
    text, version = request.POST.get("text", ""), request.POST.get("version", "")
    try:
        annotations.note_save(
            target=target, text=text, by=request.user, version=int(version) if _is_count(version) else None
        )
    except ValidationError as error:
        return _answer(request, target, error, unsaved=text)
    return _answer(request, target)


@require_POST
def tags(request: Request, pk: int, number: int | None = None) -> HttpResponse:
    """Exactly the tags of the field, by comma."""
    target = _target(request, pk, number, to_edit=True)
    typed = request.POST.get("tags", "")
    try:
        annotations.tags_set(target=target, names=annotations.split_tags(typed))
    except ValidationError as error:
        return _answer(request, target, error, typed=typed)
    return _answer(request, target)


@require_POST
def star(request: Request, pk: int, number: int | None = None) -> HttpResponse:
    """Puts the user's own star on, or takes it off."""
    target = _target(request, pk, number, to_edit=False)
    annotations.star_set(target=target, user=request.user, is_starred=request.POST.get("starred") == "1")
    return _answer(request, target)


def _answer(
    request: Request,
    target: Target,
    error: ValidationError | None = None,
    unsaved: str | None = None,
    typed: str | None = None,
) -> HttpResponse:
    fault = " ".join(error.messages) if error else ""
    if request.htmx:
        context = annotations_of(target, request.user) | {"fault": fault}
        if unsaved is not None:
            context |= {"unsaved": unsaved}
        if typed is not None:
            context |= {"tags_text": typed}
        return render(request, "parts/annotations.html", context)
    if fault:
        messages.error(request, fault)
    return redirect(address(target))


def address(target: Target) -> str:
    if isinstance(target, SearchRun):
        return reverse("searches:run", args=[target.pk])
    return reverse("searches:candidate", args=[target.run_id, target.number])


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) < 10

"""The page of a run, what it reads while it lives, and what a user does with it."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from architectures.options import sentence
from nasportal.lib.requests import Request
from searches import services
from searches.engine.history import MACHINE, WENT_ON, no_longer_promised
from searches.models import SearchRun
from searches.models.run_events import shown_alone
from searches.models.status import Phase, Status, may
from searches.pareto import ChoiceError
from searches.selectors.history import history_jsonl
from searches.selectors.metrics import Measure, measures_of, value_of
from searches.selectors.preferences import TOO_FEW, question_of
from searches.selectors.selection import choice_of, front_of
from searches.selectors.snapshot import snapshot

VERBS: dict[str, Callable[..., Any]] = {
    "pause": services.run_pause,
    "resume": services.run_resume,
    "cancel": services.run_cancel,
    "clone": services.run_clone,
    "delete": services.run_delete,
}
ROWS_AT_A_TIME = 500  # of an export, which may have 100,000


def visible_run(request: Request, pk: int) -> SearchRun:
    return get_object_or_404(SearchRun.objects.visible_to(request.user).select_related("project"), pk=pk)


def may_edit(request: Request, run: SearchRun) -> bool:
    return SearchRun.objects.editable_by(request.user).filter(pk=run.pk).exists()


@require_safe
def run(request: Request, pk: int) -> HttpResponse:
    """The frame of the page; plots and figures come with the snapshot and are kept up by events."""
    shown = visible_run(request, pk)
    measures = measures_of(shown.spec)
    selected = request.GET.get("candidate", "")
    context = {
        "run": shown,
        "phases": Phase.choices,
        "event_kinds": shown_alone(),
        "measures": measures,
        "measure_documents": [measure.to_document() for measure in measures],
        "objectives": [measure for measure in measures if measure.is_objective],
        "default_axes": default_axes(measures),
        "third_axis": third_axis(measures),
        "limits": limits_of(shown.spec["limits"]),
        "front": front_of(shown),
        "selected": selected if selected.isdecimal() else (shown.chosen_number or ""),
        "may_edit": may_edit(request, shown),
        "no_longer_promised": lost_promise(shown.header or {}),
        "header_facts": list(header_facts(shown.header or {})),
        "spec_text": json.dumps(shown.spec, indent=2, ensure_ascii=False),
        "allowed": {verb: " ".join(status for status in Status if may(verb, status)) for verb in VERBS},
    }
    return render(request, "searches/run.html", context)


def lost_promise(header: Mapping[str, Any]) -> str:
    """Returns what a run that went on elsewhere no longer promises, in a sentence; empty where nothing."""
    machine = header.get(MACHINE, {})
    elsewhere = machine.get(WENT_ON)
    return no_longer_promised(machine, elsewhere) if elsewhere else ""


def header_facts(header: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields what the history's header says of data and machine, entry by entry; the spec stands beside it."""
    for name, value in header.items():
        words = f"{prefix} {name}".strip().replace("_", " ")
        if name in ("spec", "version", "class_counts", "normalisation"):
            continue
        if isinstance(value, Mapping):
            yield from header_facts(value, words)
        elif value or value == 0:
            yield words, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def default_axes(measures: Sequence[Measure]) -> tuple[str, str]:
    """Across the first cost, upwards the first gain; without one, the first two."""
    costs = [measure.name for measure in measures if measure.direction == "minimise"]
    gains = [measure.name for measure in measures if measure.direction == "maximise"]
    return (costs[0], gains[0]) if costs and gains else (measures[0].name, measures[1].name)


def third_axis(measures: Sequence[Measure]) -> str:
    """The first that the plane does not show."""
    return next(measure.name for measure in measures if measure.name not in default_axes(measures))


def limits_of(limits: Mapping[str, float | None]) -> dict[str, dict[str, float]]:
    """The spec's limits by measure, as the plot draws them: `max_memory_bytes` bounds memory from above."""
    found: dict[str, dict[str, float]] = {}
    for name, bound in limits.items():
        side, _, measure = name.partition("_")
        if bound is not None:
            measure = measure.removesuffix("_bytes").removesuffix("_ms")
            found.setdefault(measure, {})["at_most" if side == "max" else "at_least"] = bound
    return found


@require_safe
def run_snapshot(request: Request, pk: int) -> HttpResponse:
    """The same start that the websocket gives, for browsers whose sockets do not get through."""
    return JsonResponse(snapshot(visible_run(request, pk)))


@require_safe
def choose(request: Request, pk: int) -> HttpResponse:
    """One of the front: by the query's weights (`?accuracy=.7&latency=.3`), by its knee, or by a vote (`?how=vote`).

    `?limit.latency=2` leaves out what is slower.
    """
    shown = visible_run(request, pk)
    try:
        choice = choice_of(shown, front_of(shown), request.GET.dict())
    except ChoiceError as error:
        return JsonResponse({"error": sentence(str(error))}, status=422)
    return JsonResponse(asdict(choice))


@require_safe
def question(request: Request, pk: int) -> HttpResponse:
    """The next of the pairwise questions after the answers so far (`?a=3>5&a=7>3`), and the choice that they make."""
    document = question_of(visible_run(request, pk), request.GET.getlist("a"))
    return JsonResponse({"error": TOO_FEW}, status=422) if document is None else JsonResponse(document)


@require_POST
def act(request: Request, pk: int, verb: str) -> HttpResponse:
    """Pauses, resumes, cancels, clones or deletes a run, for those who may change it.

    Raises Http404 for any other verb.
    """
    if verb not in VERBS:
        raise Http404(f"nothing is done to a run by {verb!r}")
    shown = get_object_or_404(SearchRun.objects.editable_by(request.user), pk=pk)
    try:
        answer = VERBS[verb](run=shown, by=request.user)
    except services.RunRefuses as error:
        messages.warning(request, str(error))
        return redirect("searches:run", pk=pk)
    if verb == "delete":
        messages.success(request, f"The run {shown.name} was deleted.")
        return redirect("searches:project", slug=shown.project.slug)
    return redirect("searches:run", pk=answer.pk)


@require_safe
def history(request: Request, pk: int) -> HttpResponse:
    """The header and the accepted evaluations, as the command line writes them."""
    shown = visible_run(request, pk)
    response = HttpResponse("".join(history_jsonl(shown)), content_type="application/jsonl; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="history-{pk}.jsonl"'
    return response


@require_safe
def candidates_csv(request: Request, pk: int) -> HttpResponse:
    """Every evaluation as one line, for a spreadsheet or pandas."""
    shown = visible_run(request, pk)
    measures = measures_of(shown.spec)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="candidates-{pk}.csv"'
    writer = csv.writer(response)
    head = (
        "number",
        "generation",
        "fidelity",
        "status",
        "reason",
        "on_front",
        "seconds",
        "test_accuracy",
        "fingerprint",
    )
    writer.writerow((*head, *(measure.name for measure in measures)))
    rows = shown.evaluations.in_order().filter(candidate__isnull=False).select_related("candidate")
    for row in rows.defer("line", "timing", "curve", "files", "candidate__graph").iterator(ROWS_AT_A_TIME):
        assert row.candidate is not None  # by the filter above
        facts = (row.number, row.candidate.generation, row.fidelity, row.status, row.reason, row.is_on_front)
        figures = (value_of(row.candidate, row.values, measure.name) for measure in measures)
        writer.writerow((*facts, row.seconds, row.test_accuracy, row.fingerprint, *figures))
    return response

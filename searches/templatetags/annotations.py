"""`{% annotations run %}`: star, tags and note of a run or a candidate, to be read and changed where they stand."""

from textwrap import shorten
from typing import Any

from django import template
from django.template.context import Context
from django.urls import reverse

from nasportal.lib.markdown import rendered
from searches.models import SearchRun
from searches.services import annotations as annotating
from searches.services.annotations import Target

register = template.Library()


@register.inclusion_tag("parts/annotations.html", takes_context=True)
def annotations(context: Context, target: Target) -> dict[str, Any]:
    request = context["request"]
    return annotations_of(target, request.user) | {"csrf_token": context.get("csrf_token"), "request": request}


def annotations_of(target: Target, user: Any) -> dict[str, Any]:
    """Returns what the part shows."""
    run = target if isinstance(target, SearchRun) else target.run
    kind = "run" if isinstance(target, SearchRun) else "candidate"
    arguments = [run.pk] if isinstance(target, SearchRun) else [run.pk, target.number]
    note, tags = annotating.note_of(target), annotating.tags_of(target)
    return {
        "kind": kind,
        "may_annotate": SearchRun.objects.editable_by(user).filter(pk=run.pk).exists(),
        "note": note,
        "note_html": rendered(note.text) if note else "",
        "first_line": shorten(note.text.splitlines()[0].lstrip("#*> -"), 80, placeholder="…") if note else "",
        "tags": tags,
        "tags_text": ", ".join(tags),
        "project_slug": run.project.slug,
        "is_starred": annotating.is_starred(target, user),
        "urls": {what: reverse(f"searches:{kind}-{what}", args=arguments) for what in ("note", "tags", "star")},
    }

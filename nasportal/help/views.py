"""Pages of the documentation, for every user who is signed in."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from nasportal.help import pages, rendering

LONGEST_QUERY = 200  # characters


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All pages by section, or those that a search finds."""
    query = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    hits = pages.found(query)
    return render(request, "help/index.html", {"help_query": query, "hits": hits, "contents": pages.contents()})


@require_safe
def show(request: HttpRequest, page: str) -> HttpResponse:
    """Shows one page with the list of its headings. Raises Http404 where there is no such page."""
    found = pages.pages().get(page)
    if found is None:
        raise Http404(page)
    parts = [heading for heading in found.headings if heading.level == 2]
    words = {"page": found, "html": rendering.rendered(found), "parts": parts, "contents": pages.contents()}
    return render(request, "help/page.html", words)

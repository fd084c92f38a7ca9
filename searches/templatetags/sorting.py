"""Heads of tables that the server sorts."""

from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def sort_head(
    name: str, title: str, sort: str, shown: str, run: int, direction: str = "minimise", is_number: bool = False
) -> SafeString:
    """A column's head: a click sorts, best first; a second click turns it round."""
    ascending, descending = name, f"-{name}"
    first, second = (descending, ascending) if direction == "maximise" else (ascending, descending)
    wanted = second if sort == first else first
    query = "?" + urlencode({"sort": wanted, "show": shown})
    state = {ascending: "ascending", descending: "descending"}.get(sort)
    arrow = {"ascending": "↑", "descending": "↓"}.get(state or "", "")
    return format_html(
        '<th scope="col"{}{}><a class="sort" href="{}" hx-get="{}">{}<span aria-hidden="true">{}</span></a></th>',
        mark_safe(' class="number"' if is_number else ""),
        format_html(' aria-sort="{}"', state) if state else "",
        query,
        reverse("searches:candidates", args=[run]) + query,
        title,
        arrow,
    )

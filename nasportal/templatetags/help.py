"""`{% help "how-to/read-a-pareto-front#knee" %}`: a small question mark that leads to a page of the documentation.

`{% help "how-to/gpus" "Read more" %}` is a link of these words instead, for an explanation that opens in place.
"""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nasportal.help import pages, rendering

register = template.Library()


class NoSuchPage(ValueError):
    """A template names a page or a heading that docs/ does not have."""


@register.simple_tag(name="help")
def help_link(target: str, words: str = "") -> SafeString:
    """Draws the link; raises NoSuchPage if the page or its heading is missing."""
    name, _, part = target.partition("#")
    page = pages.pages().get(name)
    heading = next((each for each in page.headings if not part or each.anchor == part), None) if page else None
    if heading is None:
        raise NoSuchPage(f"{target!r} names no page or heading of docs/")
    address = rendering.address(f"{name}.md" + (f"#{part}" if part else ""))
    if words:
        return format_html('<a href="{}" aria-label="{}: {}">{}</a>', address, words, heading.text, words)
    return format_html('<a class="help-link" href="{}" aria-label="Help: {}">?</a>', address, heading.text)

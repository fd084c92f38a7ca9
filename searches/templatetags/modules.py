"""Script modules with all that they import named before them: one round of requests instead of one a level."""

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

IMPORTED = re.compile(r"""^(?:import|export|\})[^"'\n]*["'](\.{1,2}/[^"']+\.js)["']""", re.MULTILINE)


@register.simple_tag
def module(path: str) -> SafeString:
    """The module's script element, after a modulepreload of each module that it needs."""
    preloads = format_html_join(
        "\n  ", '<link rel="modulepreload" href="{}">', ((static(each),) for each in needs(path))
    )
    return format_html('{}\n  <script type="module" src="{}"></script>', preloads, static(path))


@cache
def needs(path: str) -> tuple[str, ...]:
    """Paths of the modules that a module imports, directly or through others; read once per process."""
    found: dict[str, None] = {}
    waiting = [path]
    while waiting:
        for each in _imports(waiting.pop()):
            if each not in found:
                found[each] = None
                waiting.append(each)
    return tuple(found)


def _imports(path: str) -> Iterator[str]:
    source = finders.find(path)
    if source is None:
        raise FileNotFoundError(f"no static file {path}")
    for imported in IMPORTED.findall(Path(source).read_text(encoding="utf-8")):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(path), imported))

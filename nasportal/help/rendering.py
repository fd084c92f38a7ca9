"""A page of docs/ as HTML: links between pages lead to /help/, links out of docs/ lose their target, no raw HTML."""

import posixpath
import re
from functools import cache

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from nasportal.help.pages import Page, anchor, pages

OUTSIDE = re.compile(r"[a-z]+:|//")


def rendered(page: Page) -> SafeString:
    """The page's body; its title belongs to the template."""
    html: SafeString = mark_safe(_reader().render(page.body, {"folder": posixpath.dirname(page.name)}))
    return html


def address(target: str, folder: str = "") -> str:
    """The portal's address of ``how-to/gpus.md#memory``, as a page in ``folder`` names it; empty if it has none."""
    if OUTSIDE.match(target) or target.startswith("#"):
        return target
    path, _, part = target.partition("#")
    name = posixpath.normpath(posixpath.join(folder, path)).removesuffix(".md")
    if name == "README":
        return reverse("help")
    if name not in pages():
        return ""
    return reverse("help-page", args=[name]) + (f"#{part}" if part else "")


@cache
def _reader() -> MarkdownIt:
    # Comments are for those who write; html=True parses them, the rules below leave them out.
    reader = MarkdownIt("commonmark", {"html": True, "linkify": False, "maxNesting": 20}).enable("table")
    for name, rule in _RULES.items():
        reader.add_render_rule(name, rule)
    return reader


def _nothing(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    return ""


def _link_open(self: RendererHTML, tokens: list[Token], index: int, options: object, env: dict[str, str]) -> str:
    token = tokens[index]
    target = address(str(token.attrs["href"]), env["folder"])
    if not target:
        del token.attrs["href"]  # a file of the repository: its name is still worth reading
    else:
        token.attrSet("href", target)
    if OUTSIDE.match(target):
        token.attrSet("rel", "noopener noreferrer")
    return self.renderToken(tokens, index, options, env)  # type: ignore[arg-type]


def _heading_open(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    tokens[index].attrSet("id", anchor(tokens[index + 1].content))
    return self.renderToken(tokens, index, options, env)  # type: ignore[arg-type]


def _image(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    return f"<em>{tokens[index].content}</em>"


def _table_open(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    return '<div class="table-wrap" tabindex="0"><table class="data">'


def _table_close(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    return "</table></div>"


def _fence(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    return f'<pre tabindex="0"><code>{_escaped(tokens[index].content)}</code></pre>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_RULES = {
    "html_block": _nothing,
    "html_inline": _nothing,
    "link_open": _link_open,
    "heading_open": _heading_open,
    "image": _image,
    "table_open": _table_open,
    "table_close": _table_close,
    "fence": _fence,
}

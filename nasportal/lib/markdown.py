"""Notes as HTML: CommonMark with tables, without raw HTML, pictures and links that do anything but lead away."""

from functools import cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token


def rendered(text: str) -> SafeString:
    """Raw HTML is shown as it was written; `javascript:` and `data:` addresses are no links."""
    html: SafeString = mark_safe(_reader().render(text))
    return html


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 20})
    # A picture would be fetched from a foreign host by everybody who reads the note.
    reader.enable(["table", "strikethrough"]).disable("image")
    reader.add_render_rule("link_open", _link_open)
    reader.add_render_rule("heading_open", _heading)
    reader.add_render_rule("heading_close", _heading)
    return reader


def _link_open(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    tokens[index].attrSet("rel", "nofollow noopener noreferrer")
    return self.renderToken(tokens, index, options, env)  # type: ignore[arg-type]


def _heading(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    """A note stands within a page: its headings begin below those of the page."""
    tokens[index].tag = f"h{min(6, int(tokens[index].tag[1]) + 2)}"
    return self.renderToken(tokens, index, options, env)  # type: ignore[arg-type]

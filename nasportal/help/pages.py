"""The pages of docs/: their titles, headings and order, and how they are found. No Django."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from nasportal.lib.installation import shared_folder

DOCS = shared_folder("docs")
# Folder, its title, and the pages that come first; the others follow by title.
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("tutorial", "Tutorials", ("first-search", "your-own-images", "from-a-program")),
    (
        "how-to",
        "How-to guides",
        ("classify-photographs", "fit-a-board", "compare-algorithms", "fill-in-a-new-run", "follow-a-run", "install"),
    ),
    ("reference", "Reference", ("settings", "commands", "spec", "registries", "events")),
    ("explanation", "Explanation", ("when-not-to-use-nas", "which-tool-when")),
    ("benchmarks", "Benchmarks", ()),
)
UNLISTED = "<!-- unlisted:"  # a page that describes what is not there yet
COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
HEADING = re.compile(r"^(#{1,4}) (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
EXCERPT = 160  # characters


@dataclass(frozen=True)
class Heading:
    """A heading of a page, and the anchor that leads to it."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True)
class Page:
    """A page by its name, such as ``how-to/gpus``, with its Markdown."""

    name: str
    source: str

    @property
    def title(self) -> str:
        return self.headings[0].text

    @property
    def lead(self) -> str:
        """The first paragraph, as plain text."""
        return plain(self.body.strip().split("\n\n")[0])

    @property
    def body(self) -> str:
        """The Markdown below the title, without comments."""
        return COMMENT.sub("", self.source).partition("\n")[2]

    @property
    def headings(self) -> tuple[Heading, ...]:
        text = FENCED.sub("", COMMENT.sub("", self.source))
        return tuple(Heading(len(marks), plain(words), anchor(words)) for marks, words in HEADING.findall(text))

    @property
    def is_listed(self) -> bool:
        return UNLISTED not in self.source


@dataclass(frozen=True)
class Hit:
    """A page that a search found, with the words round the first place that fits."""

    page: Page
    excerpt: str


def anchor(heading: str) -> str:
    """The anchor of a heading, as hosts of repositories make it."""
    return re.sub(r"[^\w\- ]", "", plain(heading).lower()).replace(" ", "-")


def plain(markdown: str) -> str:
    """Markdown of a paragraph as text: links by their words, no marks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return " ".join(re.sub(r"[`*]|\|[-| ]+\|", "", text).split())


@cache
def pages() -> dict[str, Page]:
    """All pages by name; the files are part of the installed version, so they are read once."""
    paths = [path for section, _, _ in SECTIONS for path in sorted((DOCS / section).glob("*.md"))]
    names = [path.relative_to(DOCS).with_suffix("").as_posix() for path in paths]
    return {name: Page(name, path.read_text("utf-8")) for name, path in zip(names, paths, strict=True)}


def contents() -> list[tuple[str, list[Page]]]:
    """The listed pages by section, in reading order."""
    return [(title, _ordered(folder, first)) for folder, title, first in SECTIONS]


def _ordered(folder: str, first: tuple[str, ...]) -> list[Page]:
    there = {name: page for name, page in pages().items() if name.startswith(f"{folder}/") and page.is_listed}
    begin = [there.pop(f"{folder}/{name}") for name in first if f"{folder}/{name}" in there]
    return begin + sorted(there.values(), key=lambda page: page.title.lower())


def found(query: str) -> list[Hit]:
    """Listed pages that hold every word of the query: those with it in the title first, then in a heading."""
    words = query.lower().split()
    if not words:
        return []
    ranked = [(rank, page) for _, listed in contents() for page in listed if (rank := _rank(page, words)) is not None]
    return [Hit(page, _excerpt(page, words)) for _, page in sorted(ranked, key=lambda each: each[0])]


def _rank(page: Page, words: list[str]) -> int | None:
    texts = (page.title, *("\n".join(each.text for each in page.headings), page.title + page.body))
    return next((rank for rank, text in enumerate(texts) if all(word in text.lower() for word in words)), None)


def _excerpt(page: Page, words: list[str]) -> str:
    fitting = (text for text in _paragraphs(page) if any(word in text.lower() for word in words))
    text = next(fitting, page.lead)
    place = min((at for word in words if (at := text.lower().find(word)) >= 0), default=0)
    start = max(0, place - EXCERPT // 2)
    return ("…" if start else "") + text[start : start + EXCERPT] + ("…" if start + EXCERPT < len(text) else "")


def _paragraphs(page: Page) -> Iterator[str]:
    for text in re.split(r"\n\n|\n(?=[|#*-])", FENCED.sub("", page.body)):
        if not text.lstrip().startswith("#"):
            yield plain(text).strip("|* ").replace(" | ", " · ")

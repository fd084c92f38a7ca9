"""The documentation inside the portal: every page opens, links lead within it, the search finds, the tag points."""

import re
from html.parser import HTMLParser

import pytest
from django.template import Context, Template
from django.test import Client

from nasportal.help import pages, rendering
from nasportal.templatetags.help import NoSuchPage, help_link
from tests.docs.blocks import ROOT
from tests.support.world import World

NAMES = list(pages.pages())
TAG = re.compile(r"""{% help ["']([^"']+)["'] %}""")


@pytest.fixture
def client(world: World) -> Client:
    client = Client()
    client.force_login(world.alice)
    return client


class Tags(HTMLParser):
    """Links, anchors and names of the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        known = dict(attrs)
        if tag == "a" and known.get("href"):
            self.links.append(str(known["href"]))
        if known.get("id"):
            self.anchors.append(str(known["id"]))


def tags(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    return parser


def test_every_page_opens_with_its_title(client: Client) -> None:
    for name in NAMES:
        answer = client.get(f"/help/{name}/")
        assert answer.status_code == 200, name
        assert f"<h1>{pages.pages()[name].title}</h1>" in answer.content.decode().replace("&#x27;", "'")


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_to_pages_or_out_of_the_portal(name: str) -> None:
    found = tags(rendering.rendered(pages.pages()[name]))
    for link in found.links:
        path, _, part = link.partition("#")
        if path.startswith("/help/") and path != "/help/":
            target = pages.pages()[path.removeprefix("/help/").rstrip("/")]
            assert not part or part in {each.anchor for each in target.headings}, link
        elif not path:
            assert part in found.anchors, link
        else:
            assert path == "/help/" or path.startswith("https://"), link


def test_no_html_or_comment_of_a_page_reaches_the_browser() -> None:
    page = pages.Page("how-to/x", "# X\n\n<!-- not run: no -->\n<script>alert(1)</script>\n\nA <b>word</b> & `<i>`.\n")
    html = rendering.rendered(page)
    assert "not run" not in html
    assert tags(html).names == {"p", "code"}
    assert "&lt;i&gt;" in html


def test_the_index_lists_every_listed_page(client: Client) -> None:
    html = client.get("/help/").content.decode()
    for name, page in pages.pages().items():
        assert (f'href="/help/{name}/"' in html) == page.is_listed, name


def test_the_search_puts_titles_before_headings_before_text() -> None:
    ranked = [hit.page.name for hit in pages.found("pareto front")]
    assert ranked[0] == "how-to/read-a-pareto-front"
    assert len(ranked) > 1
    assert pages.found("hypervolume")[0].page.name == "how-to/read-a-pareto-front"


def test_the_search_wants_every_word_and_says_where_none_has_them(client: Client) -> None:
    assert pages.found("fencing xylophone") == []
    assert pages.found("   ") == []
    assert "No page contains all of these words." in client.get("/help/", {"q": "xylophone"}).content.decode()


def test_the_search_shows_what_it_was_asked_as_text(client: Client) -> None:
    html = client.get("/help/", {"q": "<script>x"}).content.decode()
    assert "<script>x" not in html
    assert "&lt;script&gt;x" in html


def test_a_hit_shows_the_words_round_its_place() -> None:
    hit = pages.found("fencing token")[0]
    assert "fencing token" in hit.excerpt
    assert pages.found("--choose")[0].excerpt.startswith("--choose TEXT ")


def test_a_page_that_there_is_not_is_not_found(client: Client) -> None:
    for name in ("how-to/nothing", "../settings", "how-to/../../README"):
        assert client.get(f"/help/{name}/").status_code == 404


def test_the_documentation_asks_for_a_sign_in() -> None:
    answer = Client().get("/help/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/")


def test_the_tag_leads_to_a_heading_and_says_its_words() -> None:
    template = Template('{% load help %}{% help "how-to/read-a-pareto-front#knee" %}')
    wanted = '<a class="help-link" href="/help/how-to/read-a-pareto-front/#knee" aria-label="Help: Knee">?</a>'
    assert template.render(Context()) == wanted


def test_the_tag_refuses_what_there_is_not() -> None:
    for target in ("how-to/nothing", "how-to/gpus#nothing"):
        with pytest.raises(NoSuchPage, match="names no page or heading of docs/"):
            help_link(target)


def test_each_tag_in_a_template_points_to_something() -> None:
    named = [target for path in (ROOT / "templates").rglob("*.html") for target in TAG.findall(path.read_text("utf-8"))]
    for target in named:
        help_link(target)


def test_a_page_may_stay_out_of_index_and_search() -> None:
    assert not pages.Page("how-to/x", "<!-- unlisted: not there yet -->\n# X\n\nSoon.\n").is_listed
    assert pages.Page("how-to/x", "# X\n\nNow.\n").is_listed
